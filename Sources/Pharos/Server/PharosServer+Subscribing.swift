import PharosDomain
import PharosServices

extension PharosServer {
    /// Subscribes to a channel in this process.
    ///
    /// `for await publication in server.subscribe("news")`
    ///
    /// Returns at once; whatever is published by calls that begin later is heard. Before the server runs it waits for that.
    ///
    /// - Parameters:
    ///   - position: everything after it is wanted first, as far as the history reaches. Whether nothing is missing is said
    ///     by ``Subscription/started()``, and by the first publication's `followsGap`.
    ///   - queueLimit: publications that may wait for the reader; beyond it the oldest go.
    public func subscribe(
        _ channel: String, from position: Position? = nil, queueLimit: Int = 10_000
    ) -> Subscription {
        let queue = PublicationQueue(limit: queueLimit, byteLimit: 16_777_216)
        let ticket = InProcessTicket(channel: ChannelName(channel))
        join(InProcessJoin(ticket, queue, from: position?.streamPosition))
        return Subscription(channel: channel, queue: queue, ending: ending) { [weak self] in self?.leave(ticket) }
    }
}
