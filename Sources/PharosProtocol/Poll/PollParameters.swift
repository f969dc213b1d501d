import PharosDomain

/// The parameters of `GET /poll` one by one, before they are looked at together.
struct PollParameters {
    private var channels: [ChannelName] = []
    /// One per channel; nil: the channel has none.
    private var since: [StreamPosition?] = []
    private var cursor: PositionVector?
    private var start = PollRequest.Start.newest
    private var lastSequence: UInt64?
    private var offsetNewest = false
    private var request = PollRequest()
    /// `Request-Timeout`, in seconds.
    private(set) var timeout: Int?

    init(_ query: UnsafeRawBufferPointer, _ fields: RequestFields) throws(ParameterError) {
        var reader = QueryReader(query)
        while let (name, value) = try reader.next() { try read(name, value) }
        if request.token.isEmpty { request.token = try fields.bearerToken() }
        if let field = fields.requestTimeout {
            // Any number of seconds is an honest wish; how long we wait at most is another matter.
            timeout = try ParameterValues.integer(
                String(decoding: field, as: UTF8.self), "Request-Timeout", 1...86_400)
        }
    }

    private mutating func read(_ name: FieldName, _ value: String) throws(ParameterError) {
        switch name {
        case "channel":
            let channel = try ParameterValues.channel(value)
            guard !channels.contains(channel) else { throw ParameterError("channel", "given twice") }
            guard channels.count < ParameterValues.channelLimit else { throw ParameterValues.tooManyChannels }
            channels.append(channel)
        case "since":
            guard since.count < ParameterValues.channelLimit else { throw PollParameters.unevenSince }
            since.append(value.isEmpty ? nil : try position(value))
        case "cursor": cursor = value.isEmpty ? nil : try positions(value)
        case "from":
            switch value {
            case "newest": start = .newest
            case "oldest": start = .oldest
            default: throw ParameterError("from", "newest or oldest")
            }
        case "wait": request.waitSeconds = try ParameterValues.integer(value, name, 0...60)
        case "limit": request.limit = try ParameterValues.integer(value, name, 1...1_000)
        case "token": request.token = value
        case "exclusive": request.isExclusive = try ParameterValues.flag(value, name)
        case "last_seq": lastSequence = try ParameterValues.offset(value, name)
        case "offset_newest": offsetNewest = try ParameterValues.flag(value, name)
        default: break
        }
    }

    /// All of them together.
    consuming func combined() throws(ParameterError) -> PollRequest {
        guard !channels.isEmpty else { throw ParameterError("channel", "at least one") }
        if lastSequence != nil || offsetNewest || timeout != nil { try enterRoom() }
        if cursor != nil, !since.isEmpty { throw ParameterError("cursor", "in place of since, not with it") }
        guard since.isEmpty || since.count == channels.count else { throw PollParameters.unevenSince }
        for (index, channel) in channels.enumerated() {
            let known = since.isEmpty ? cursor?.position(of: channel) : since[index]
            request.channels.append(PollRequest.Channel(channel, known.map { .after($0) } ?? start))
        }
        return request
    }

    /// Reads the number of a room's message.
    ///
    /// 0 means the oldest message, or the newest if asked for, as rooms always had it.
    private mutating func enterRoom() throws(ParameterError) {
        guard channels.count == 1 else { throw ParameterError("channel", "exactly one in a room") }
        request.isRoom = true
        request.isExclusive = true
        guard lastSequence != nil || offsetNewest else { return }
        guard since.isEmpty, cursor == nil else {
            throw ParameterError("last_seq", "in place of since and cursor, not with them")
        }
        if let lastSequence, lastSequence > 0 {
            since = [StreamPosition(offset: lastSequence)]
        } else {
            start = offsetNewest ? .newest : .oldest
        }
    }

    private func position(_ text: String) throws(ParameterError) -> StreamPosition {
        do throws(CursorError) {
            return try StreamPosition(text: text)
        } catch {
            throw ParameterError("since", "epoch:offset or offset")
        }
    }

    private func positions(_ text: String) throws(ParameterError) -> PositionVector {
        do throws(CursorError) {
            return try PositionCursor.decode(text, channelLimit: ParameterValues.channelLimit)
        } catch {
            throw ParameterError("cursor", error.problem)
        }
    }

    private static let unevenSince = ParameterError("since", "one for each channel, in the same order")
}
