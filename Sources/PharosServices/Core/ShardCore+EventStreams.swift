import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// A plain event stream. Small, since most are idle.
struct EventsState {
    let form: EventStreamForm
    /// The client's session key; nil: it has none.
    let key: SessionKey?
    /// Whether the only channel is that of the address: then all readers of the channel share the same bytes.
    var isSolo: Bool
    /// Until the first message is out.
    var opening: EventsOpening?
    /// Where each channel with a position stands, in this stream; a solo stream stands where its channel does.
    private(set) var positions: [ChannelName: StreamPosition] = [:]
    /// How many positions an id may have, so that the request that brings it back is not too long. The channels of the
    /// address all have room; those that the server adds may not: their streams begin anew then, and say so.
    let room: Int

    init(form: EventStreamForm, key: SessionKey?, isSolo: Bool, room: Int, opening: EventsOpening) {
        self.form = form
        self.key = key
        self.isSolo = isSolo
        self.room = room
        self.opening = opening
    }

    mutating func stand(_ channel: ChannelName, at position: StreamPosition?) {
        if position != nil, positions[channel] == nil, positions.count >= room { return }
        positions[channel] = position
    }

    mutating func forgetPositions() { positions = [:] }

    var encoder: EventStreamEncoder { EventStreamEncoder(form) }

    func id() -> String { PositionCursor.encode(positions.map { ($0.key, $0.value) }) }
}

/// What a page asked for, and what has been found out until its first message can be sent. One shard's.
final class EventsOpening {
    let request: EventsRequest
    let originFields: [UInt8]
    /// The answer's head is out.
    var hasBegun = false
    /// Whether a session of this client is being continued.
    var continuesSession = false
    /// Subscribes that are not answered yet.
    var awaited = 0
    var subscriptions: [EventStreamInfo.Subscription] = []
    var failures: [EventStreamFailure] = []
    /// Publications that came before the first message.
    var backlog: [(channel: ChannelName, publication: Publication)] = []
    /// Messages to the connection itself that came before the first message, as they go out.
    var messages: [[UInt8]] = []

    init(_ request: EventsRequest, originFields: [UInt8]) {
        self.request = request
        self.originFields = originFields
    }

    /// Whether the stream goes on from somewhere in this channel. Where it does not, it says nothing about continuity.
    func isResumed(_ channel: ChannelName) -> Bool {
        guard case .after(let positions) = request.resume, positions.position(of: channel) != nil else {
            return continuesSession
        }
        return true
    }
}

/// The conversation of `GET /events`: publications as server-sent events for any `EventSource` (HTML standard, section 9.2). No protocol above it.
extension ShardCore {
    // MARK: What the session says

    mutating func eventsReplied(_ reply: Reply, _ id: ConnectionID, _ edge: inout Edge) {
        guard let opening = eventStreams[at: id.slot]?.opening else { return }
        switch reply.result {
        case .connect(let result): eventsConnected(result, id, &edge)
        case .error(let error) where reply.id == 1: refuseEvents(id, error)
        case .error(let error):
            let channel = opening.request.channels[Int(reply.id) - 2]
            opening.failures.append(
                EventStreamFailure(code: "subscription-failure", message: error.message, topic: channel))
            eventsSubscribed(id, &edge)
        case .subscribe(let result):
            noteEvents(opening.request.channels[Int(reply.id) - 2], result, id)
            eventsSubscribed(id, &edge)
        default: break
        }
    }

    private mutating func refuseEvents(_ id: ConnectionID, _ error: ReplyError) {
        guard let opening = eventStreams[at: id.slot]?.opening else { return }
        let status = error.code == 109 ? 401 : error.isTemporary ? 503 : 403
        refuse(id, status, error.message, opening)
    }

    /// The session ends, and its request is answered with a status.
    private mutating func refuse(_ id: ConnectionID, _ status: Int, _ message: String, _ opening: EventsOpening) {
        post(.refuseStream(id, status: status, message: message, fields: opening.originFields), to: index)
    }

    private mutating func eventsConnected(_ result: ConnectResult, _ id: ConnectionID, _ edge: inout Edge) {
        guard let opening = eventStreams[at: id.slot]?.opening else { return }
        // All that it asks for is one question of its user.
        guard node.rates.take(user: sessions[id].session.user, nowMs: edge.nowMs) else {
            return refuse(id, 429, node.rates.error(.user).message, opening)
        }
        var fields = ByteWriter()
        fields.append("Content-Type: text/event-stream\r\nCache-Control: no-store\r\nX-Accel-Buffering: no\r\n")
        opening.originFields.withUnsafeBytes { fields.append($0) }
        edge.beginStream(id, head: fields)
        opening.hasBegun = true
        for (channel, subscription) in result.subscriptions.sorted(by: { $0.key < $1.key }) {
            noteEvents(channel, subscription, id)
        }
        let wanted = opening.request.channels.enumerated().filter { result.subscriptions[$0.element] == nil }
        opening.awaited = wanted.count
        guard !wanted.isEmpty else { return startEvents(id, &edge) }
        let commands = wanted.map { index, channel in
            Command(id: UInt32(index) + 2, request: .subscribe(subscribeRequest(channel, opening.request.resume)))
        }
        arrivedCommands.append(ArrivedCommands(id: id, commands: commands, bytes: 0))
    }

    private func subscribeRequest(_ channel: ChannelName, _ resume: EventsRequest.Resume) -> SubscribeRequest {
        var request = SubscribeRequest(channel: channel)
        request.positioned = true
        request.recoverable = true
        if case .after(let positions) = resume, let position = positions.position(of: channel) {
            request.recover = true
            request.offset = position.offset
            request.epoch = position.epoch
        }
        return request
    }

    private mutating func noteEvents(_ channel: ChannelName, _ result: SubscribeResult, _ id: ConnectionID) {
        guard !channel.utf8.contains(where: { $0 == 10 || $0 == 13 }) else { return }
        let isResumed = result.wasRecovering && eventStreams[at: id.slot]?.opening?.isResumed(channel) == true
        let recovered: Bool? = isResumed ? result.recovered : nil
        eventStreams[at: id.slot]?.opening?.subscriptions.append(.init(channel, recovered: recovered))
        if result.positioned {
            // Before what was missed; each of those moves it on.
            eventStreams[at: id.slot]?.stand(channel, at: StreamPosition(offset: result.offset, epoch: result.epoch))
        }
        for publication in result.publications {
            eventStreams[at: id.slot]?.opening?.backlog.append((channel, publication))
        }
    }

    private mutating func eventsSubscribed(_ id: ConnectionID, _ edge: inout Edge) {
        guard let opening = eventStreams[at: id.slot]?.opening else { return }
        opening.awaited -= 1
        if opening.awaited == 0 { startEvents(id, &edge) }
    }

    /// The first message, then what waited.
    private mutating func startEvents(_ id: ConnectionID, _ edge: inout Edge) {
        guard let state = eventStreams[at: id.slot], let opening = state.opening, sessions.contains(id) else { return }
        eventStreams[at: id.slot]?.opening = nil
        EventStreamEncoder.retry(milliseconds: 1_000, into: &scratch)
        let key = state.key
        state.encoder.info(
            EventStreamInfo(
                clientID: key?.renamed(to: NameOf.Client.self) ?? sessions[id].session.client.name,
                clientTTLMs: key == nil ? 0 : Int64(node.settings.client.sessionTTL * 1_000),
                subscriptions: opening.subscriptions),
            id: state.id(), into: &scratch)
        for failure in opening.failures { state.encoder.failure(failure, into: &scratch) }
        for message in opening.messages { scratch.append(message) }
        sendEvents(id, &edge)
        for (channel, publication) in opening.backlog { sendEvent(publication, channel, nil, id, &edge) }
        // What it missed is one answer, though it is sent in pieces.
        if !opening.backlog.isEmpty { edge.allowOutput(id) }
        if state.isSolo { eventStreams[at: id.slot]?.forgetPositions() }
    }

    mutating func eventsPushed(_ push: Push, _ id: ConnectionID, _ edge: inout Edge) {
        switch push.event {
        case .publication(let publication, _): sendEvent(publication, push.channel, nil, id, &edge)
        case .subscribe(let subscription):
            if subscription.positioned {
                let position = StreamPosition(offset: subscription.offset, epoch: subscription.epoch)
                eventStreams[at: id.slot]?.stand(push.channel, at: position)
            }
        case .unsubscribe(let reason):
            eventStreams[at: id.slot]?.stand(push.channel, at: nil)
            guard reason.code >= 2_500, let state = eventStreams[at: id.slot] else { return }
            state.encoder.failure(
                EventStreamFailure(code: "subscription-failure", message: reason.reason, topic: push.channel),
                into: &scratch)
            sendEvents(id, &edge)
        case .join, .leave, .message, .connect, .disconnect, .refresh: break
        }
    }

    /// A message in no channel; false: this form cannot carry it.
    mutating func sendEventsMessage(
        _ data: [UInt8], isJSON: Bool, to id: ConnectionID, _ edge: inout Edge
    ) -> Bool {
        guard let state = eventStreams[at: id.slot] else { return false }
        do throws(EventStreamError) { try state.encoder.message(data, isJSON: isJSON, into: &scratch) } catch {
            return false
        }
        if let opening = state.opening {
            opening.messages.append(scratch.array)
            scratch.removeAll()
        } else {
            sendEvents(id, &edge)
        }
        return true
    }

    // MARK: Publications

    /// Where a plain event stream reads a channel. The only channel of its address is read with everybody else's bytes; with
    /// the second channel each event needs an id of its own.
    mutating func eventsLane(_ id: ConnectionID, _ channel: ChannelName, _ edge: inout Edge) -> Lane {
        var lane = Lane(wire: sessions[id].wire)
        if eventStreams[at: id.slot]?.isSolo == true,
            let first = sessions[id].session.channels.first(where: { $0 != channel })
        {
            eventStreams[at: id.slot]?.isSolo = false
            if let place = channels.index(of: first), let subscription = sessions[id].session.subscription(of: first) {
                if let position = channels[place].position, subscription.flags.contains(.isPositioned) {
                    eventStreams[at: id.slot]?.stand(first, at: position)
                }
                edge.unsubscribe(subscription.binding)
                lane.hasOwnIDs = true
                let node = edge.subscribe(id, to: channels[place].topic, lane: lane.number)
                sessions[id].session.bind(generation: subscription.generation, to: node)
            }
        }
        lane.hasOwnIDs = eventStreams[at: id.slot]?.isSolo != true
        return lane
    }

    mutating func publishEvent(
        _ publication: Publication, _ epoch: Epoch, _ place: Int, _ lane: Lane,
        _ overflow: (policy: OverflowPolicy, key: UInt32), _ edge: inout Edge
    ) {
        let (channel, topic) = (channels[place].name, channels[place].topic)
        if lane.hasOwnIDs {
            for id in subscribers(of: topic, edge) where sessions.contains(id) && sessions[id].wire == lane.wire {
                guard let state = eventStreams[at: id.slot], !state.isSolo else { continue }
                sendEvent(publication, channel, epoch, id, &edge)
            }
            return
        }
        let encoder = EventStreamEncoder(lane.wire.format == .json ? .named : .array)
        var id = ""
        if publication.offset > 0, let position = channels[place].position {
            id = PositionCursor.encode([(channel, StreamPosition(offset: publication.offset, epoch: position.epoch))])
        }
        encode(publication, channel, id, encoder)
        edge.publish(
            topic, lane: lane.number, lane.wire.streamFraming, scratch, policy: overflow.policy, key: overflow.key)
        scratch.removeAll()
    }

    /// One publication for one stream. nil in `epoch`: that of the stream's position.
    private mutating func sendEvent(
        _ publication: Publication, _ channel: ChannelName, _ epoch: Epoch?, _ id: ConnectionID, _ edge: inout Edge
    ) {
        guard let state = eventStreams[at: id.slot] else { return }
        if let opening = state.opening {
            opening.backlog.append((channel, publication))
            return
        }
        if publication.offset > 0, let known = state.positions[channel] {
            let position = StreamPosition(offset: publication.offset, epoch: epoch ?? known.epoch)
            eventStreams[at: id.slot]?.stand(channel, at: position)
        }
        encode(publication, channel, eventStreams[at: id.slot]?.id() ?? "", state.encoder)
        sendEvents(id, &edge)
    }

    /// What this form cannot carry is told, not left out.
    private mutating func encode(
        _ publication: Publication, _ channel: ChannelName, _ id: String, _ encoder: EventStreamEncoder
    ) {
        do throws(EventStreamError) {
            try encoder.publication(
                channel: channel, publication.data, isJSON: publication.isJSON, id: id, into: &scratch)
        } catch {
            let message =
                switch error {
                case .channelHasLineBreak: "the channel's name has a line break"
                case .payloadHasCarriageReturn: "a publication has a carriage return, which this form cannot carry"
                case .payloadIsNotText: "a publication is no text"
                }
            encoder.failure(
                EventStreamFailure(code: "not-representable", message: message, topic: channel), id: id,
                into: &scratch)
        }
    }

    private mutating func sendEvents(_ id: ConnectionID, _ edge: inout Edge) {
        edge.send(id, .chunk, scratch)
        scratch.removeAll()
    }

    // MARK: End

    /// - Parameter state: what the stream was before its session ended.
    mutating func endEvents(
        _ id: ConnectionID, _ state: EventsState?, _ reason: Disconnect, dropsQueue: Bool, _ edge: inout Edge
    ) {
        guard let state else { return edge.abort(id) }
        if let opening = state.opening, !opening.hasBegun {
            let status = reason.isReconnect ? 503 : reason.code == Disconnect.invalidToken.code ? 401 : 403
            return answer(id, status, error: reason.reason, fields: opening.originFields, &edge)
        }
        state.encoder.closed(into: &scratch)
        scratch.withBytes { edge.endStream(id, lastWords: $0, dropsQueue: dropsQueue) }
        scratch.removeAll()
    }
}
