import PharosDomain
import PharosEdge
import PharosProtocol

/// Keys under which clients find their state again, in requests.
extension SessionKey {
    /// The key with which a request asks to keep its client's state; nil: it does not.
    ///
    /// The state then outlives the connection.
    ///
    /// - Parameter parameter: the name of a parameter of the query that is read beside `session`; nil: there is no
    ///   other.
    init?(_ head: RequestHead, parameter: StaticString?) {
        let named = SessionKey.parameter("session", head)
        guard let key = named ?? parameter.flatMap({ SessionKey.parameter(FieldName("\($0)"), head) }) else {
            return nil
        }
        self = key
    }

    /// Whether a request names a key that could be guessed.
    ///
    /// Such a request is refused, so that no client relies on such a session.
    static func isBad(in head: RequestHead) -> Bool {
        guard !head.query.isEmpty, let key = parameter("session", head) else { return false }
        return !key.isValid
    }

    private static func parameter(_ name: FieldName, _ head: RequestHead) -> SessionKey? {
        guard !head.query.isEmpty, let value = (try? QueryReader.first(name, in: head.query)) ?? nil else { return nil }
        return value.isEmpty ? nil : SessionKey(value)
    }
}
