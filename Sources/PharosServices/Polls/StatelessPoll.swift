import PharosDomain
import PharosEdge
import PharosProtocol

/// One poll without a session, while its streams are read or news is awaited.
struct StatelessPoll {
    /// One channel of it, with what was found, and up to where.
    struct Channel {
        var name: ChannelName
        var options = ChannelOptions()
        var start = PollRequest.Start.newest
        /// nil: the stream is still being read.
        var position: StreamPosition?
        /// Nothing is missing since it began, or since the position that it began with.
        var isWhole = true
        /// The oldest offset that is left, when the requested ones are gone.
        var first: UInt64?
        var publications: [Publication] = []
    }

    let connection: ConnectionID
    let request: PollRequest
    /// Field lines of the answer that let a page of another origin read it.
    let originFields: [UInt8]
    var user: UserID = ""
    /// Until it may read: the client's user and permissions are being found out.
    var entrance: PollEntrance?
    var channels: [Channel] = []
    var reads = 0
    let startedMs: Int64
    var deadlineMs: Int64
    /// The key that a newer poll must share with this one to end it; nil: none does.
    var exclusiveKey: ExclusivePolls.Key?

    var hasNews: Bool { channels.contains { !$0.publications.isEmpty || !$0.isWhole } }

    /// Whether it waits for an answer that many others get alike.
    ///
    /// That is the next publication of one channel, after the position that it came with.
    var isPlain: Bool {
        channels.count == 1 && channels[0].answer.recovered == true && !hasNews && reads == 0 && originFields.isEmpty
            && exclusiveKey == nil && !request.isRoom
    }

    var answers: [PollChannelAnswer] { channels.map(\.answer) }
}

extension StatelessPoll.Channel {
    var answer: PollChannelAnswer {
        // Without a position nothing is claimed about what was before.
        var recovered: Bool? = isWhole
        switch start {
        case .newest, .oldest: if isWhole { recovered = nil }
        case .after: break
        }
        return PollChannelAnswer(
            channel: name, position: position ?? StreamPosition(), recovered: recovered, first: first,
            publications: publications)
    }

    /// The stream has been read from `start` on.
    mutating func found(_ read: StreamRead) {
        position = read.publications.last.map { StreamPosition(offset: $0.offset, epoch: read.top.epoch) } ?? read.top
        publications = read.publications
        if case .after(let from) = start {
            isWhole =
                from.epoch.isEmpty || from.epoch == read.top.epoch
                ? read.publications.first.map { $0.offset == from.offset + 1 } ?? (read.top.offset == from.offset)
                : false
            if !isWhole { first = read.publications.first?.offset ?? read.top.offset + 1 }
        }
    }

    /// A publication came while news was awaited; false: it was known already.
    mutating func arrived(_ publication: Publication, epoch: Epoch) -> Bool {
        // With something to answer already, what follows is read by the next poll, from the position in this answer.
        guard let known = position, publications.isEmpty else { return false }
        if known.epoch == epoch, publication.offset <= known.offset { return false }
        if known.epoch != epoch || publication.offset != known.offset + 1 {
            isWhole = false
            first = publication.offset
            publications = []
        }
        publications.append(publication)
        position = StreamPosition(offset: publication.offset, epoch: epoch)
        return true
    }
}
