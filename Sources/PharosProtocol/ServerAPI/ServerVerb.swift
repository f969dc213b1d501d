package import PharosBytes
package import PharosDomain

/// One verb of the server API, with all that is declared about it.
///
/// A value is one call, with its parameters. From `ServerAPI`, the list of all verbs, follow the addresses, the names in
/// batches and in the scopes of keys, the labels of metrics, the OpenAPI description and the reference page.
package protocol ServerVerb: Equatable, Sendable {
    associatedtype Output: VerbResult

    /// The last part of `POST /api/<name>`, and what a key's scope calls it.
    static var name: MethodName { get }
    static var documentation: VerbDocumentation { get }

    /// Reads the parameters.
    /// - Throws: 107, naming the field at fault.
    static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> Self
}

/// The result of a verb that succeeded.
package protocol VerbResult: Equatable, Sendable {
    /// Writes the members of the result's object.
    func encode(into writer: inout ByteWriter)
}

/// The shards that a call goes to.
package enum VerbRoute: Equatable, Sendable {
    case owner(of: ChannelName)
    /// Any shard: it passes the parts of the call on.
    case anyShard
    /// Every shard of all nodes.
    case allShards
}

/// A verb that the shards carry out.
///
/// It has an address of its own, and may be called in the old form and in batches.
package protocol ShardVerb: ServerVerb {
    var request: APIRequest { get }
    var route: VerbRoute { get }
    /// The channel that the log names when the call is refused.
    var namedChannel: ChannelName? { get }
}

/// A verb made of operations that shards know.
///
/// Publishing has requests of its own, since it is the hot path; all other verbs are of this kind.
package protocol PlannedVerb: ShardVerb {
    /// The operations that the verb consists of.
    /// - Throws: 102, 107 or 108 where the channel's rules do not allow it.
    func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan
}

/// How a verb is carried out.
package enum VerbPlan: Sendable {
    /// One operation, whose answer is the result.
    case one(ShardOperation)
    /// Several at once, and the result made of their answers.
    ///
    /// If any fails, the first failure is the answer to the call.
    case several([ShardOperation], result: @Sendable ([APIResult]) -> any VerbResult)
}

extension ShardVerb {
    package var namedChannel: ChannelName? {
        if case .owner(let channel) = route { channel } else { nil }
    }

    static func readRequest(_ scanner: inout JSONScanner) throws(ReplyError) -> APIRequest {
        try decode(&scanner).request
    }
}

extension PlannedVerb {
    package var request: APIRequest { .planned(self) }
}

extension ServerVerb {
    func isEqual(to other: any ServerVerb) -> Bool { other as? Self == self }
}

extension VerbResult {
    func isEqual(to other: any VerbResult) -> Bool { other as? Self == self }
}

/// The result of verbs that only do something.
package struct NoResult: VerbResult {
    package func encode(into writer: inout ByteWriter) {}
}
