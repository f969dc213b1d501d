import PharosDomain

/// The guarantees of durable stores only.
extension StoreBench {
    /// Completions of one receiver come back in the order of submission.
    ///
    /// It submits appends, reads and removals alike.
    func completionsKeepTheOrderOfSubmission(_ streams: any DurableStreams) async throws {
        let count: UInt64 = 2_000
        let (completions, continuation) = AsyncStream<StreamCompletion>.makeStream()
        let receiver = StoreListener { for completion in $0 { continuation.yield(completion) } }
        for ticket in 0..<count {
            let channel: ChannelName = "channel \(ticket % 7)"
            let operation: StreamOperation =
                switch ticket % 5 {
                case 0: .read(channel: channel, after: nil, limit: 3, retention: retention, nowMs: clock.nowMs)
                case 1 where ticket % 3 == 0: .removeHistory(channel: channel)
                default: .append(appending("\(ticket)", to: channel))
                }
            streams.submit(operation, ticket: ticket, to: receiver)
        }
        var next: UInt64 = 0
        for await completion in completions {
            try require(completion.ticket, is: next, "the ticket of a completion")
            _ = try completion.result.get()
            next += 1
            if next == count { break }
        }
    }
}
