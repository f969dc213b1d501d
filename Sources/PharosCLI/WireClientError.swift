import Glibc

/// Why a command-line client cannot go on.
///
/// It is a sentence for the person at the terminal.
struct WireClientError: Error, CustomStringConvertible, Equatable {
    let description: String
    /// Whether trying again is of no use.
    let isFinal: Bool

    init(_ description: String, isFinal: Bool = false) {
        self.description = description
        self.isFinal = isFinal
    }

    static func final(_ description: String) -> WireClientError {
        WireClientError(description, isFinal: true)
    }

    /// `-errno` of a call that failed.
    init(_ what: String, code: Int) {
        let number = Int32(clamping: -code)
        let reason = number == EINVAL ? "not an IP address" : String(cString: strerror(number))
        self.init("\(what): \(reason)")
    }
}
