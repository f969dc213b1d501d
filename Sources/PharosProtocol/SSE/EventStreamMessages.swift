package import PharosDomain

/// The first message of an event stream: who the client is and what it gets.
package struct EventStreamInfo: Equatable, Sendable {
    package var clientID: ClientName
    /// How long the client's state outlives its connection.
    package var clientTTLMs: Int64
    package var subscriptions: [Subscription]

    package struct Subscription: Equatable, Sendable {
        package var channel: ChannelName
        /// Whether continuity held; nil for a channel without positions.
        package var recovered: Bool?

        package init(_ channel: ChannelName, recovered: Bool?) {
            self.channel = channel
            self.recovered = recovered
        }
    }

    package init(clientID: ClientName, clientTTLMs: Int64, subscriptions: [Subscription]) {
        self.clientID = clientID
        self.clientTTLMs = clientTTLMs
        self.subscriptions = subscriptions
    }
}

/// An error in the middle of a stream, which goes on.
package struct EventStreamFailure: Equatable, Sendable {
    /// For programs: `subscription-failure`.
    package var code: String
    package var message: String
    /// The channel; empty: the stream as a whole.
    package var topic: ChannelName

    package init(code: String, message: String, topic: ChannelName) {
        self.code = code
        self.message = message
        self.topic = topic
    }
}
