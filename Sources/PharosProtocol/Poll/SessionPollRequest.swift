package import PharosDomain

/// The parameters of a long poll with a session, `/connection/poll`.
///
/// Commands are in the body of a `POST`.
package struct SessionPollRequest: Equatable, Sendable {
    /// The client's key; always there.
    package var session: SessionKey = ""
    /// That of the last answer; nil in the first request.
    package var cursor: UInt64?
    /// 0 to 60; not given, 25 for a `GET` and 0 for a `POST`.
    package var waitSeconds: Int

    package init(session: SessionKey, cursor: UInt64?, waitSeconds: Int) {
        self.session = session
        self.cursor = cursor
        self.waitSeconds = waitSeconds
    }

    /// - Throws: an error that names the parameter. Unknown parameters are ignored.
    package static func decode(
        query: UnsafeRawBufferPointer, isPost: Bool
    ) throws(ParameterError) -> SessionPollRequest {
        var request = SessionPollRequest(session: "", cursor: nil, waitSeconds: isPost ? 0 : 25)
        var reader = QueryReader(query)
        while let (name, value) = try reader.next() {
            switch name {
            case "session": request.session = try ParameterValues.session(value, name, known: request.session)
            case "cursor": request.cursor = value.isEmpty ? nil : try ParameterValues.offset(value, name)
            case "wait": request.waitSeconds = try ParameterValues.integer(value, name, 0...60)
            default: break
            }
        }
        guard !request.session.isEmpty else { throw ParameterError("session", "required") }
        return request
    }
}
