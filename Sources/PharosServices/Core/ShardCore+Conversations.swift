import PharosBytes
import PharosDomain
import PharosEdge
import PharosProtocol

/// The steps of the conversations of connections.
///
/// Such a connection's messages depend on those before.
extension ShardCore {
    /// Passes one event to a connection's conversation, and carries out its output.
    ///
    /// - Throws: what `tell` throws; nothing has been done then.
    mutating func converse<Failure: Error>(
        _ id: ConnectionID, _ edge: inout Edge,
        _ tell: (_ conversation: any Conversation, _ output: inout ConversationOutput) throws(Failure) -> Void
    ) throws(Failure) {
        guard let conversation = conversations[at: id.slot] else { return }
        var output = spareOutput.take() ?? ConversationOutput()
        do throws(Failure) {
            try tell(conversation, &output)
        } catch {
            output.removeAll()
            spareOutput = consume output
            throw error
        }
        carryOut(output, id, &edge)
        output.removeAll()
        spareOutput = consume output
    }

    private mutating func carryOut(_ output: borrowing ConversationOutput, _ id: ConnectionID, _ edge: inout Edge) {
        let wire = sessions[id].wire
        var start = 0
        for step in output.steps {
            switch step {
            case .send(let length, let kind):
                takeMessage(of: output, &start, length)
                sendScratch(to: id, wire, kind, &edge)
            case .begin(let fields):
                guard beginAnswer(id, wire, fields, &edge) else { return }
            case .refuse(let status, let message, let fields):
                post(.refuseStream(id, status: status, message: message, fields: fields), to: index)
            case .commands(let commands):
                arrivedCommands.append(ArrivedCommands(id: id, commands: commands, bytes: 0))
            case .allowOutput: edge.allowOutput(id)
            case .disconnect(let reason): post(.disconnect(id, reason), to: index)
            case .finish(let style, let length):
                takeMessage(of: output, &start, length)
                end(id, wire, style, .connectionClosed, dropsQueue: false, &edge)
                post(.conversationOver(id), to: index)
            }
        }
    }

    /// Moves the next message of an output to `scratch`.
    private mutating func takeMessage(of output: borrowing ConversationOutput, _ start: inout Int, _ length: Int) {
        output.bytes.withBytes { scratch.append(UnsafeRawBufferPointer(rebasing: $0[start..<start + length])) }
        start += length
    }

    /// The head of an answer whose body is the conversation; false: it is refused.
    private mutating func beginAnswer(
        _ id: ConnectionID, _ wire: Wire, _ fields: [UInt8], _ edge: inout Edge
    ) -> Bool {
        // All that its request asks for is one question of its user.
        guard node.rates.take(user: sessions[id].session.user, nowMs: edge.nowMs) else {
            let message = node.rates.error(.user).message
            post(.refuseStream(id, status: 429, message: message, fields: fields), to: index)
            return false
        }
        edge.beginStream(id, head: streamHead(dialects.traits(wire.dialect).contentType, fields))
        return true
    }

    /// Says why a conversation ends; its session has ended already.
    mutating func end(
        _ conversation: any Conversation, _ id: ConnectionID, _ wire: Wire, _ reason: Disconnect, dropsQueue: Bool,
        _ edge: inout Edge
    ) {
        var output = spareOutput.take() ?? ConversationOutput()
        conversation.ended(reason, into: &output)
        if output.isEmpty { edge.abort(id) }
        var start = 0
        for step in output.steps {
            switch step {
            case .send(let length, let kind):
                takeMessage(of: output, &start, length)
                sendScratch(to: id, wire, kind, &edge)
            case .refuse(let status, let message, let fields):
                answer(id, status, error: message, fields: fields, &edge)
            case .finish(let style, let length):
                takeMessage(of: output, &start, length)
                end(id, wire, style, reason, dropsQueue: dropsQueue, &edge)
            case .begin, .commands, .allowOutput, .disconnect: break
            }
        }
        output.removeAll()
        spareOutput = consume output
    }

    // MARK: Lanes

    /// Where a conversation reads a channel that becomes live.
    ///
    /// What it read in shared lanes moves to bytes of its own if it asks for that: with a second channel, say, each
    /// event of an event stream needs an id of its own.
    mutating func lane(of id: ConnectionID, for channel: ChannelName, _ shared: LaneKey, _ edge: inout Edge) -> LaneKey
    {
        guard let conversation = conversations[at: id.slot] else { return shared }
        let others = sessions[id].session.channels.filter { $0 != channel }
        switch conversation.lane(for: channel, isOnly: others.isEmpty) {
        case .shared(let form):
            var lane = shared
            lane.form = form
            return lane
        case .own(let movesOthers):
            let own = LaneKey(ownBytesOf: sessions[id].wire)
            if movesOthers { for other in others { move(id, other, to: own, conversation, &edge) } }
            return own
        }
    }

    private mutating func move(
        _ id: ConnectionID, _ channel: ChannelName, to lane: LaneKey, _ conversation: any Conversation,
        _ edge: inout Edge
    ) {
        guard let place = channels.index(of: channel), let subscription = sessions[id].session.subscription(of: channel)
        else { return }
        if let position = channels[place].position, subscription.flags.contains(.isPositioned) {
            conversation.stands(in: channel, at: position)
        }
        rebind(id, subscription, place, to: lane, &edge)
    }

    /// Moves a live subscription to another lane.
    mutating func rebind(
        _ id: ConnectionID, _ subscription: Subscription, _ place: Int, to lane: LaneKey, _ edge: inout Edge
    ) {
        // A full table leaves the subscription where it is: what it gets there is whole, though not its own.
        guard let number = try? lanes.number(of: lane) else { return }
        edge.unsubscribe(subscription.binding)
        let binding = edge.subscribe(id, to: channels[place].topic, lane: number)
        sessions[id].session.bind(generation: subscription.generation, to: binding)
    }

    /// Tells the conversations of a lane of a publication.
    mutating func publishOwn(
        _ publication: Publication, _ epoch: Epoch, except: ConnectionID?, _ place: Int, lane number: UInt16,
        _ edge: inout Edge
    ) {
        let name = channels[place].name
        for id in subscribers(of: channels[place].topic, lane: number, edge) where id != except && sessions.contains(id)
        {
            converse(id, &edge) { $0.published(publication, in: name, epoch: epoch, into: &$1) }
        }
    }
}
