import PharosBytes
import PharosCluster
import PharosDomain
import PharosNATS

/// Delivery: subscriptions, messages that are not stored, reports to relays.
extension NATSEngineCore {
    // MARK: Following

    func follow(_ channel: ChannelName, _ options: ChannelOptions, _ relay: Int) {
        if follows[channel] != nil {
            if follows[channel]?.relays.contains(relay) == false { follows[channel]?.relays.append(relay) }
            return note(options, of: channel)
        }
        do throws(NATSOrderError) {
            let subscription = try connection.subscribe(to: names.live(channel))
            follows[channel] = Follow(subscription: subscription, relays: [relay])
            channels[subscription] = channel
            note(options, of: channel)
        } catch {
            settings.report("nats: a channel cannot be followed: \(error)")
        }
    }

    private func note(_ options: ChannelOptions, of channel: ChannelName) {
        let retention = options.hasHistory ? StreamRetention(options, settings.channels) : nil
        follows[channel]?.retention = retention
        follows[channel]?.stream = retention.map { _ in
            StreamID(of: channel, RetentionClass(options, settings.channels), streams: settings.streams)
        }
    }

    func unfollow(_ channel: ChannelName, _ relay: Int) {
        guard var follow = follows[channel] else { return }
        follow.relays.removeAll { $0 == relay }
        guard follow.relays.isEmpty else {
            follows[channel] = follow
            return
        }
        follows[channel] = nil
        channels[follow.subscription] = nil
        connection.unsubscribe(follow.subscription)
    }

    // MARK: Without storing

    /// Sends a member's coming or going.
    ///
    /// It is not stored: what happens while the link is down is lost, and counted anew later.
    func announce(_ change: MemberChange, _ channel: ChannelName) {
        guard connection.isReady, !connection.isCongested else { return }
        try? connection.publish(LiveMessage.member(change).encoded, to: names.live(channel))
    }

    /// Publishes on the live subject alone; answered when the server has it.
    func publishLive(_ publish: EnginePublish, _ completion: Completion) {
        let envelope = PublicationEnvelope(publication: publish.publication, except: publish.except)
        do throws(NATSOrderError) {
            try connection.publish(LiveMessage.publication(envelope).encoded, to: names.live(publish.channel))
            unmarked.append(completion)
        } catch {
            complete(completion, .failure(error.reply))
        }
    }

    /// Has the server send a message back behind all publications of this round.
    ///
    /// It handles those of a connection in their order, so when it comes the server has had them all, and what it sent
    /// back to this node's followers was before it.
    func mark() {
        guard !unmarked.isEmpty else { return }
        do throws(NATSOrderError) {
            try connection.publish([], to: echoSubject)
            let round = EngineRound(settings.observe)
            for _ in unmarked { round.add() }
            round.seal()
            marks.append((unmarked, round))
        } catch {
            for completion in unmarked { complete(completion, .failure(error.reply)) }
        }
        unmarked = []
    }

    /// Whether the server has had what it was not heard of is not known.
    func failMarks() {
        while let open = marks.popFirst() {
            for completion in open.completions { complete(completion, .failure(.internalError)) }
        }
        for completion in unmarked { complete(completion, .failure(.internalError)) }
        unmarked = []
    }

    // MARK: What comes

    func received(_ message: NATSMessage) {
        if message.subscription == echoSubscription {
            guard let mark = marks.popFirst() else { return }
            for completion in mark.completions {
                mark.round.end(isAnswered: true)
                complete(completion, .success(.position(StreamPosition())))
            }
            return
        }
        if message.subscription == forwardSubscription { return receivedForwarded(message) }
        guard let channel = channels[message.subscription] else { return }
        if let stored = StoredMessage(message) {
            saw(stored, of: channel, in: message.headers.stream ?? "")
            return report(stored, of: channel)
        }
        switch LiveMessage(message.payload) {
        case .publication(let envelope): report(envelope, epoch: "", of: channel)
        case .member(let change):
            for relay in follows[channel]?.relays ?? [] { report(.member(channel: channel, change), to: relay) }
        case nil: settings.report("nats: a message on \(message.subject) is none of this server's")
        }
    }

    private func report(_ stored: StoredMessage, of channel: ChannelName) {
        follows[channel]?.lastSequence = stored.sequence
        if stored.mark.kind == .marker {
            // The history is another one now, and copies of it are not to be believed.
            for relay in follows[channel]?.relays ?? [] { report(.gap(channel: channel), to: relay) }
            return
        }
        for envelope in stored.envelopes { report(envelope, epoch: stored.mark.position.epoch, of: channel) }
    }

    /// Reports a publication to the relays that follow its channel.
    func report(_ envelope: PublicationEnvelope, epoch: Epoch, of channel: ChannelName) {
        guard let follow = follows[channel] else { return }
        let isStored = envelope.publication.offset > 0
        let delivery = EngineDelivery(
            publication: envelope.publication, epoch: isStored ? epoch : "",
            retention: isStored ? follow.retention : nil, except: envelope.except)
        for relay in follow.relays { report(.publication(channel: channel, delivery), to: relay) }
    }
}

extension NATSOrderError {
    /// The error for a publisher.
    var reply: ReplyError {
        switch self {
        case .payloadTooLarge: .limitExceeded
        default: .internalError
        }
    }
}
