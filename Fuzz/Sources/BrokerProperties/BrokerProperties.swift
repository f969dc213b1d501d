import PharosNATS
import PharosRedis

/// The properties of the parsers of brokers' protocols for any input.
///
/// Each function says which property is violated, or nil. The first byte of an input says where the rest is cut.
package enum BrokerProperties {
    /// Messages of a NATS server are the same whole, cut in two, and byte by byte.
    package static func nats(_ input: UnsafeRawBufferPointer) -> String? {
        violation(input) {
            var limits = NATSLimits()
            limits.messageBytes = 4_096
            var parser = NATSParser(limits: limits)
            return { rest in try parser.next(&rest).map { "\($0)" } }
        }
    }

    /// Values of a Redis server are the same whole, cut in two, and byte by byte.
    package static func resp(_ input: UnsafeRawBufferPointer) -> String? {
        violation(input) {
            var parser = RESPParser(limits: RESPLimits(bulkBytes: 4_096, elements: 1_024, valueBytes: 16_384))
            return { rest in try parser.next(&rest).map { "\($0)" } }
        }
    }

    /// The next thing that a parser reads, as text.
    ///
    /// As text, since a number that is none is not equal to itself.
    private typealias Next = (inout UnsafeRawBufferPointer) throws -> String?

    private static func violation(_ input: UnsafeRawBufferPointer, _ parser: () -> Next) -> String? {
        guard let first = input.first else { return nil }
        let stream = Array(input.dropFirst())
        let cut = Int(first) % (stream.count + 1)
        let whole = said([stream], parser())
        guard said([Array(stream[..<cut]), Array(stream[cut...])], parser()) == whole else {
            return "a cut stream says something else"
        }
        guard said(stream.map { [$0] }, parser()) == whole else { return "bytes one by one say something else" }
        return nil
    }

    /// All that a parser reads, and at the end its failure if there is one.
    private static func said(_ pieces: [[UInt8]], _ next: Next) -> [String] {
        var said: [String] = []
        do {
            for piece in pieces {
                try piece.withUnsafeBytes { bytes in
                    var rest = bytes
                    while let text = try next(&rest) { said.append(text) }
                }
            }
        } catch {
            said.append("failed: \(error)")
        }
        return said
    }
}
