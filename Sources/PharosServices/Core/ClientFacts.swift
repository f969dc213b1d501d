import PharosDomain
import PharosEdge
import PharosProtocol

/// The facts known of a client before its first command, by any transport.
struct ClientFacts {
    /// The claims that the application granted to its request.
    var claims: ConnectionClaims?
    /// The user that a configured proxy named.
    var user: UserID?
    /// Under which its state outlives the connection; nil: it does not.
    var key: SessionKey?
    /// The parts of its request that may be passed on; nil: none may.
    var request: RequestFacts?
    /// Kept only while it is needed.
    var address: PeerAddress = ""
    var pings = PingStyle.message
    var conversation: (any Conversation)?
}

extension ShardCore {
    /// The facts of a client that has come by a request of HTTP.
    ///
    /// - Throws: the answer, if the dialect cannot converse about what is asked for.
    func clientFacts(
        _ id: ConnectionID, _ head: RequestHead, _ wire: Wire, _ claims: ConnectionClaims?, answerFields: [UInt8] = [],
        _ edge: borrowing Edge
    ) throws(ConversationRefusal) -> ClientFacts {
        let (dialect, traits) = (dialects[wire.dialect], dialects.traits(wire.dialect))
        var facts = ClientFacts(claims: claims)
        if traits.hasConversations {
            var request = ConversationRequest(query: head.query, fields: RequestFields(head))
            request.framing = wire.framing
            request.isKnown = claims != nil
            request.cursorSpace = cursorSpace(head)
            request.sessionTTLMs = Int64(node.settings.client.sessionTTL * 1_000)
            request.pingSeconds = UInt32(node.settings.client.pingInterval)
            request.answerFields = answerFields
            facts.conversation = try dialect.converse(request)
        }
        facts.pings = dialect.pings(over: wire.framing, query: head.query)
        facts.user = userFromProxy(id, head, edge)
        facts.key = SessionKey(head, parameter: traits.keyParameter)
        if !passed.isEmpty { facts.request = requestFacts(head, id, edge) }
        if node.keepsAddresses { facts.address = clientAddress(id, head, edge) }
        return facts
    }
}
