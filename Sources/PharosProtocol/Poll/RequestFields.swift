import PharosDomain

/// Values of the header fields that polls and event streams look at; nil: not sent.
///
/// Slices of the request's head, without white space around them. They must outlive this value.
package struct RequestFields {
    /// `Last-Event-ID`, which a browser sends when it comes back.
    package var lastEventID: UnsafeRawBufferPointer?
    package var authorization: UnsafeRawBufferPointer?
    /// `Request-Timeout` of the room protocol, in seconds.
    package var requestTimeout: UnsafeRawBufferPointer?

    package init(
        lastEventID: UnsafeRawBufferPointer? = nil, authorization: UnsafeRawBufferPointer? = nil,
        requestTimeout: UnsafeRawBufferPointer? = nil
    ) {
        self.lastEventID = lastEventID
        self.authorization = authorization
        self.requestTimeout = requestTimeout
    }

    /// The token of `Authorization: Bearer <token>` (RFC 6750, section 2.1).
    ///
    /// Empty: none, or another scheme.
    func bearerToken() throws(ParameterError) -> String {
        guard let authorization, authorization.count > 7,
            authorization.prefix(7).map({ $0 | 0x20 }).elementsEqual("bearer ".utf8)
        else { return "" }
        let token = authorization.dropFirst(7).drop { $0 == UInt8(ascii: " ") }
        guard let text = String(validating: token, as: UTF8.self) else {
            throw ParameterError("Authorization", "not UTF-8")
        }
        return text
    }
}
