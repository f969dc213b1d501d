extension EngineRequest {
    /// The channel that it is about.
    package var channel: ChannelName {
        switch self {
        case .publish(let publish): publish.channel
        case .read(let channel, _, _, _, _), .readBackwards(let channel, _, _, _, _), .removeHistory(let channel, _),
            .follow(let channel, _), .unfollow(let channel), .announce(_, let channel):
            channel
        }
    }
}
