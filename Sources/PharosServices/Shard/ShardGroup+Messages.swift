import PharosDomain
import PharosProtocol
import Synchronization

extension ShardGroup {
    /// Opens a client over a transport that exchanges whole messages.
    ///
    /// The client is admitted, limited, pinged and ended like one over a WebSocket. Any thread.
    ///
    /// - Parameter outbox: gets the client's messages, and its end.
    package func openClient(_ opening: ClientOpening, outbox: any ClientOutbox) -> MessageClient {
        precondition(Int(opening.dialect) < node.dialects.count, "the server has no dialect with this number")
        let number = node.nextMessageClient.wrappingAdd(1, ordering: .relaxed).newValue
        let shard = Int(number % UInt64(node.mailboxes.count))
        let pipe = MessagePipe(number, outbox, limit: node.settings.edge.messageSizeLimit)
        let node = node
        node.post(.openClient(opening, pipe), to: shard)
        return MessageClient(number: number, flow: pipe.flow, shard: shard) { node.post($0, to: $1) }
    }
}
