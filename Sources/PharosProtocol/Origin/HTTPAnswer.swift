package import PharosDomain

/// One answer of an origin.
///
/// It holds its status, the header fields that mean something to us, and its body.
package struct HTTPAnswer: Equatable, Sendable {
    package var status = 0
    package var contentType = ""
    /// Any content coding but `identity`; we ask for none and read none.
    package var isEncoded = false
    /// The value of `x-accel-redirect`; nil: there is no such field.
    ///
    /// The same for `x-pharos-channels` and `x-pharos-user`.
    package var redirect: String?
    package var channels: String?
    package var user: UserID?
    /// `webhook-allowed-origin`.
    package var allowedOrigin: String?
    package var body: [UInt8] = []
    /// Whether the connection may carry another request.
    package var keepsConnection = true

    package init() {}

    package init(status: Int, contentType: String = "", body: [UInt8] = []) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    package var isSuccess: Bool { (200..<300).contains(status) }

    /// Whether the content type is `type`, in lower case, whatever its parameters are.
    package func isOf(type: FieldName) -> Bool {
        let essence = contentType.utf8.prefix { $0 != UInt8(ascii: ";") }
        return FieldName(decoding: HTTPField.trimmed(Array(essence)[...])).asciiLowercased == type
    }

    /// The value that `read` makes of the body.
    ///
    /// `withUnsafeBytes` would lose the type of its error.
    func readBody<Value>(
        _ read: (UnsafeRawBufferPointer) throws(MalformedFrame) -> Value
    ) throws(MalformedFrame) -> Value {
        try body.withUnsafeBytes { bytes in
            Result { () throws(MalformedFrame) in try read(bytes) }
        }.get()
    }
}
