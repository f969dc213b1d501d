/// Answers the requests that shards do not serve themselves.
///
/// Those are pages, health, metrics, and everything with an unknown path. Shards read the requests and write the answers;
/// a responder sees values only, and never a connection.
package protocol RequestResponder: AnyObject, Sendable {
    /// Answers one request, by calling `answer` once, from any thread.
    ///
    /// Called on a shard's thread: must not block.
    func respond(to request: ResponderRequest, answer: @escaping @Sendable (ResponderAnswer) -> Void)
}

/// A request that has arrived whole.
package struct ResponderRequest: Sendable {
    package var method: String
    /// Path and query as they came, percent-encoded.
    package var target: String
    /// The host, and maybe port, that the request is for.
    package var authority: String
    /// In the order of the request, `Host` included.
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]
    package var isSecure: Bool

    package init(
        method: String, target: String, authority: String, fields: [(name: String, value: String)], body: [UInt8],
        isSecure: Bool
    ) {
        self.method = method
        self.target = target
        self.authority = authority
        self.fields = fields
        self.body = body
        self.isSecure = isSecure
    }
}

/// The responder's answer to a request.
package struct ResponderAnswer: Sendable {
    /// HTTP status, not below 200.
    package var status: Int
    /// Field lines, without those that the edge adds.
    ///
    /// The edge's are `Date`, `Connection`, `Content-Length` and `Transfer-Encoding`.
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]
    /// `Content-Length` in the answer to a HEAD; nil: the body's length.
    package var length: Int?

    package init(status: Int, fields: [(name: String, value: String)], body: [UInt8], length: Int? = nil) {
        self.status = status
        self.fields = fields
        self.body = body
        self.length = length
    }
}
