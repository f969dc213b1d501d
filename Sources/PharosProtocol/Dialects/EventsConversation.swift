import PharosBytes
package import PharosDomain

/// One plain event stream, from its request to its last message.
///
/// Follows the HTML standard, section 9.2. A stream whose only channel is that of the address shares the bytes with all
/// other readers, and stands where the channel does. With a second channel each event needs an id of its own, the
/// positions in all of them. Small, since most are idle.
package final class EventsConversation: Conversation {
    private let encoder: EventStreamEncoder
    /// How many positions an id may have.
    ///
    /// So the request that brings it back is not too long. The channels of the address all have room; those that the
    /// server adds may not: their streams begin anew then, and say so.
    private let room: Int
    private var isSolo: Bool
    private var isOver = false
    /// Until the first message is out.
    private var opening: EventsOpening?
    /// Where each channel with a position stands, in this stream.
    private var positions: [ChannelName: StreamPosition] = [:]

    /// Reads the request that begins the conversation.
    ///
    /// - Throws: status 400 for parameters that are not as they have to be, 431 for more channels than could be
    ///   resumed.
    package init(_ request: ConversationRequest) throws(ConversationRefusal) {
        let wanted: EventsRequest
        do throws(ParameterError) {
            wanted = try EventsRequest.decode(
                query: request.query, fields: request.fields, isKnown: request.isKnown)
        } catch {
            throw ConversationRefusal(status: 400, message: error.message)
        }
        let room = PositionCursor.room(in: request.cursorSpace + wanted.resumeLength)
        // A stream that could not be resumed is not begun. One that comes back has been here before.
        guard wanted.channels.count <= room || wanted.resumeLength > 0 else { throw .addressTooLong }
        encoder = EventStreamEncoder(wanted.form)
        self.room = room
        isSolo = wanted.channels.count == 1 && wanted.session.isEmpty
        opening = EventsOpening(wanted, answerFields: request.answerFields, sessionTTLMs: request.sessionTTLMs)
    }

    package func opened(as client: ClientName, into output: inout ConversationOutput) {
        guard let opening else { return }
        opening.client = client
        output.append(.commands([opening.connectCommand]))
    }

    package func continued(withState: Bool) { opening?.continuesSession = withState }

    /// An event stream goes one way.
    package func received(
        _ message: UnsafeRawBufferPointer, into output: inout ConversationOutput
    ) throws(MalformedFrame) {
        throw MalformedFrame(reason: "nothing comes from the client of an event stream")
    }

    // MARK: The session's answers

    package func replied(_ reply: Reply, into output: inout ConversationOutput) {
        guard let opening else { return }
        switch reply.result {
        case .connect(let result): connected(result, opening, &output)
        case .error(let error) where reply.id == EventsOpening.connectID:
            let status = error.code == ReplyError.tokenExpired.code ? 401 : error.isTemporary ? 503 : 403
            refuse(status, error.message, opening, &output)
        case .error(let error):
            guard let channel = opening.channel(of: reply.id) else { return }
            if error.isTemporary { opening.failsForNow = true }
            opening.failures.append(
                EventStreamFailure(code: "subscription-failure", message: error.message, topic: channel))
            subscribed(opening, &output)
        case .subscribe(let result):
            guard let channel = opening.channel(of: reply.id) else { return }
            note(channel, result, opening)
            subscribed(opening, &output)
        default: break
        }
    }

    private func refuse(
        _ status: Int, _ message: String, _ opening: EventsOpening, _ output: inout ConversationOutput
    ) {
        output.append(.refuse(status: status, message: message, fields: opening.answerFields))
        isOver = true
        self.opening = nil
    }

    private func connected(
        _ result: ConnectResult, _ opening: EventsOpening, _ output: inout ConversationOutput
    ) {
        output.append(.begin(fields: opening.answerFields))
        opening.hasBegun = true
        for (channel, subscription) in result.subscriptions.sorted(by: { $0.key < $1.key }) {
            note(channel, subscription, opening)
        }
        let commands = opening.subscribeCommands(without: result.subscriptions)
        opening.awaited = commands.count
        guard !commands.isEmpty else { return start(opening, &output) }
        output.append(.commands(commands))
    }

    /// A channel whose name has a line break cannot be named in an event.
    private func note(_ channel: ChannelName, _ result: SubscribeResult, _ opening: EventsOpening) {
        guard !channel.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) else { return }
        opening.note(channel, result)
        // Before what was missed; each of those moves it on.
        if result.positioned { stand(channel, at: StreamPosition(offset: result.offset, epoch: result.epoch)) }
    }

    private func subscribed(_ opening: EventsOpening, _ output: inout ConversationOutput) {
        opening.awaited -= 1
        if opening.awaited == 0 { start(opening, &output) }
    }

    /// The first message, then what waited.
    private func start(_ opening: EventsOpening, _ output: inout ConversationOutput) {
        self.opening = nil
        guard !opening.failsForNow else { return comeBack(opening, &output) }
        EventStreamEncoder.retry(milliseconds: 1_000, into: &output.bytes)
        encoder.info(opening.info, id: id, into: &output.bytes)
        for failure in opening.failures { encoder.failure(failure, into: &output.bytes) }
        for message in opening.messages { output.bytes.append(message) }
        output.endMessage(.text)
        for (channel, publication) in opening.backlog { send(publication, channel, nil, &output) }
        // What it missed is one answer, though it is sent in pieces.
        if !opening.backlog.isEmpty { output.append(.allowOutput) }
        if isSolo { positions = [:] }
    }

    /// Ends a stream that lacks a channel only for now.
    ///
    /// A reader comes back by itself, but does not ask again for one channel of an open stream. No id is sent: it comes
    /// back with the one that it has, which holds its positions in all channels.
    private func comeBack(_ opening: EventsOpening, _ output: inout ConversationOutput) {
        // Readers that came together do not come back together.
        let spread = opening.client.text.utf8.reduce(0) { ($0 &* 31 &+ Int($1)) & 0xFFF }
        EventStreamEncoder.retry(milliseconds: 1_000 + spread, into: &output.bytes)
        for failure in opening.failures { encoder.failure(failure, into: &output.bytes) }
        output.endMessage(.text)
        output.append(.disconnect(.serverError))
    }

    package func pushed(_ push: Push, into output: inout ConversationOutput) {
        guard !isOver else { return }
        switch push.event {
        case .publication(let publication, _): send(publication, push.channel, nil, &output)
        case .subscribe(let subscription):
            if subscription.positioned {
                stand(push.channel, at: StreamPosition(offset: subscription.offset, epoch: subscription.epoch))
            }
        case .unsubscribe(let reason):
            stand(push.channel, at: nil)
            guard reason.code >= UnsubscribeReason.insufficientState.code else { return }
            encoder.failure(
                EventStreamFailure(code: "subscription-failure", message: reason.reason, topic: push.channel),
                into: &output.bytes)
            output.endMessage(.text)
        case .join, .leave, .message, .connect, .disconnect, .refresh: break
        }
    }

    // MARK: Positions

    /// Each event's id: the positions in all channels.
    private var id: String { PositionCursor.encode(positions.map { ($0.key, $0.value) }) }

    private func stand(_ channel: ChannelName, at position: StreamPosition?) {
        if position != nil, positions[channel] == nil, positions.count >= room { return }
        positions[channel] = position
    }

    package func lane(for channel: ChannelName, isOnly: Bool) -> LaneForm {
        guard isSolo else { return .own(movesOthers: false) }
        guard !isOnly else { return .shared(form: encoder.form.rawValue) }
        isSolo = false
        return .own(movesOthers: true)
    }

    package func stands(in channel: ChannelName, at position: StreamPosition) { stand(channel, at: position) }

    package func passedOver(_ publication: Publication, in channel: ChannelName, epoch: Epoch) {
        guard publication.offset > 0, positions[channel] != nil else { return }
        stand(channel, at: StreamPosition(offset: publication.offset, epoch: epoch))
    }

    // MARK: Publications and messages

    package func published(
        _ publication: Publication, in channel: ChannelName, epoch: Epoch, into output: inout ConversationOutput
    ) {
        guard !isSolo, !isOver else { return }
        send(publication, channel, epoch, &output)
    }

    /// - Parameter epoch: nil: that of the stream's position.
    private func send(
        _ publication: Publication, _ channel: ChannelName, _ epoch: Epoch?, _ output: inout ConversationOutput
    ) {
        if let opening {
            opening.backlog.append((channel, publication))
            return
        }
        if publication.offset > 0, let known = positions[channel] {
            stand(channel, at: StreamPosition(offset: publication.offset, epoch: epoch ?? known.epoch))
        }
        EventsDialect.append(publication, in: channel, id: id, encoder, into: &output.bytes)
        output.endMessage(.text)
    }

    package func message(_ data: [UInt8], isJSON: Bool, into output: inout ConversationOutput) -> Bool {
        guard !isOver else { return false }
        guard let opening else {
            do throws(EventStreamError) { try encoder.message(data, isJSON: isJSON, into: &output.bytes) } catch {
                return false
            }
            output.endMessage(.text)
            return true
        }
        var writer = ByteWriter()
        do throws(EventStreamError) { try encoder.message(data, isJSON: isJSON, into: &writer) } catch { return false }
        opening.messages.append(writer.array)
        return true
    }

    package func dropped(_ count: Int, in channel: ChannelName, into output: inout ConversationOutput) {
        guard !isOver else { return }
        encoder.failure(
            EventStreamFailure(code: "lagging", message: "\(count) publications were dropped", topic: channel),
            into: &output.bytes)
        output.endMessage(.text)
    }

    /// A comment, which keeps the connection busy and is not answered.
    package func pinged(into output: inout ConversationOutput) {
        guard !isOver else { return }
        EventStreamEncoder.comment(into: &output.bytes)
        output.endMessage(.text)
    }

    // MARK: End

    package func ended(_ reason: Disconnect, into output: inout ConversationOutput) {
        guard !isOver else { return }
        if let opening, !opening.hasBegun {
            let status = reason.isReconnect ? 503 : reason.code == Disconnect.invalidToken.code ? 401 : 403
            return refuse(status, reason.reason, opening, &output)
        }
        isOver = true
        opening = nil
        encoder.closed(into: &output.bytes)
        output.finish(.lastMessage(.text))
    }
}
