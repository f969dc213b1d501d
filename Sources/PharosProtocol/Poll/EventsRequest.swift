package import PharosDomain

/// The parameters of a `GET /events` request.
package struct EventsRequest: Equatable, Sendable {
    /// In the order of the query, each once, at most 128.
    ///
    /// None only if there is a token or a session, which may bring some.
    package var channels: [ChannelName] = []
    /// Connection token; empty: none.
    package var token = ""
    /// The client's session key; empty: none.
    package var session: SessionKey = ""
    package var form = EventStreamForm.named
    package var resume = Resume.fromNow

    /// Where to go on.
    package enum Resume: Equatable, Sendable {
        /// A new stream.
        case fromNow
        /// After the event that the client saw last.
        ///
        /// These are its positions, maybe of channels it no longer asks for. All are lost if the id says nothing to us,
        /// such as another server's; an error would end its EventSource for good.
        case after(PositionVector)
    }

    /// Bytes of the id that it came with.
    package var resumeLength = 0

    package init() {}

    /// Reads the query and the headers of a request.
    ///
    /// - Parameter isKnown: the client and its channels are known otherwise: it need name nothing.
    /// - Throws: an error that names the parameter. Unknown parameters are ignored.
    package static func decode(
        query: UnsafeRawBufferPointer, fields: RequestFields, isKnown: Bool = false
    ) throws(ParameterError) -> EventsRequest {
        var request = EventsRequest()
        var lastEventID = ""
        var reader = QueryReader(query)
        while let (name, value) = try reader.next() {
            switch name {
            case "channel": try request.add(channel: value)
            case "token": request.token = value
            case "session", "id":
                request.session = try ParameterValues.session(value, name, known: request.session)
            case "format":
                guard value == "array" else { throw ParameterError("format", "only array is known") }
                request.form = .array
            // Where a page gave its stream an id to begin with, and a stand-in for EventSource adds a newer one, that is last.
            case _ where LastEventID.isName(name): if !value.isEmpty { lastEventID = value }
            default: break
            }
        }
        if request.token.isEmpty { request.token = try fields.bearerToken() }
        if request.channels.isEmpty, request.token.isEmpty, request.session.isEmpty, !isKnown {
            throw ParameterError("channel", "at least one without a token or a session")
        }
        // The header is newer: a browser repeats the query of the first request as it was.
        if let header = fields.lastEventID, !header.isEmpty {
            request.resume = .after(positions(header))
            request.resumeLength = header.count
        } else if !lastEventID.isEmpty {
            request.resume = .after(Array(lastEventID.utf8).withUnsafeBytes { positions($0) })
            request.resumeLength = lastEventID.utf8.count
        }
        return request
    }

    private mutating func add(channel: String) throws(ParameterError) {
        let channel = try ParameterValues.channel(channel)
        guard !channels.contains(channel) else { return }
        guard channels.count < ParameterValues.channelLimit else { throw ParameterValues.tooManyChannels }
        channels.append(channel)
    }

    private static func positions(_ id: UnsafeRawBufferPointer) -> PositionVector {
        (try? PositionCursor.decode(id, channelLimit: PositionCursor.channelLimit)) ?? .lost
    }
}
