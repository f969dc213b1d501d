/// Questions to the application: asked, answered once, and then forgotten.
extension ClientSession {
    /// The subject of an open question.
    enum Subject: Equatable, Sendable {
        case connect
        case subscribe(generation: UInt32)
        case publish(command: UInt32, channel: ChannelName, data: [UInt8], options: ChannelOptions)
        case rpc(command: UInt32)
        /// 0: the client wants no answer.
        case message(command: UInt32)
        case refresh
        case subRefresh(generation: UInt32)
    }

    @usableFromInline struct OpenQuestion: Equatable, Sendable {
        var number: UInt32
        var subject: Subject
    }

    /// Bytes of `meta`: it goes with every later question.
    package static var metaLimit: Int { 16_384 }

    /// Opens a question.
    ///
    /// Its number is never used again, so a second answer, or one that comes too late, finds nothing.
    mutating func question(_ question: HookQuestion, of origin: OriginName, about subject: Subject) -> HookTicket {
        let number = takeNumber()
        questions.append(OpenQuestion(number: number, subject: subject))
        return HookTicket(number: number, origin: origin, question: question)
    }

    /// The subject of the open question with this number; nil if there is none.
    package func asked(_ number: UInt32) -> (kind: HookKind, channel: ChannelName)? {
        guard let subject = questions.first(where: { $0.number == number })?.subject else { return nil }
        switch subject {
        case .connect: return (.connect, "")
        case .subscribe(let generation):
            return (.subscribe, pending.first { $0.generation == generation }?.channel ?? "")
        case .publish(_, let channel, _, _): return (.publish, channel)
        case .rpc: return (.rpc, "")
        case .message: return (.message, "")
        case .refresh: return (.refresh, "")
        case .subRefresh(let generation):
            return (.subRefresh, subscriptions.first { $0.generation == generation }?.channel ?? "")
        }
    }

    /// Whether one connection may ask another question now.
    func mayAsk(_ context: SessionContext) -> Bool { questions.count < context.hooks.openQuestions }

    /// Whether the application is asked about a publication.
    ///
    /// The next ones wait meanwhile, so that their order stays.
    var isPublishAsked: Bool {
        questions.contains { if case .publish = $0.subject { true } else { false } }
    }

    /// The application has answered a question, or did not in time.
    package mutating func hookAnswered(
        _ number: UInt32, _ outcome: HookOutcome, _ context: SessionContext
    ) -> SessionAction {
        guard let index = questions.firstIndex(where: { $0.number == number }) else { return .none }
        let subject = questions.remove(at: index).subject
        switch state {
        case .refused, .closed: return .none
        case .awaitingConnect, .connecting, .connected: break
        }
        var outcome = outcome
        if case .granted(let grant, let newMeta) = outcome {
            if let newMeta, newMeta.count > ClientSession.metaLimit {
                outcome = .unavailable
            } else if !grant.answers(subject) {
                outcome = .unavailable
            } else if let newMeta, subject != .connect {
                meta = newMeta
            }
        }
        switch subject {
        case .connect: return connectAnswered(outcome, context)
        case .subscribe(let generation): return subscribeAnswered(generation, outcome, context)
        case .publish(let command, let channel, let data, let options):
            return publishAnswered(command, channel, data, options, outcome)
        case .rpc(let command):
            switch outcome {
            case .granted(.rpc(let data), _): return .reply(Reply(id: command, result: .rpc(data: data)))
            default: return refused(command, outcome)
            }
        case .message(let command):
            switch outcome {
            case .disconnect(let reason): return .disconnect(reason)
            case _ where command == 0: return .none
            case .granted(.message, _): return .reply(Reply(id: command, result: .ping))
            default: return refused(command, outcome)
            }
        case .refresh: return refreshAnswered(outcome, context)
        case .subRefresh(let generation): return subRefreshAnswered(generation, outcome, context)
        }
    }

    /// The answer to the client for an outcome that is no grant.
    private func refused(_ command: UInt32, _ outcome: HookOutcome) -> SessionAction {
        switch outcome {
        case .granted: refuse(command, .internalError)
        case .refused(let error): refuse(command, error)
        case .disconnect(let reason): .disconnect(reason)
        case .status(401), .status(403): refuse(command, .permissionDenied)
        case .status: refuse(command, .internalError)
        }
    }

    // MARK: Connect

    private mutating func connectAnswered(_ outcome: HookOutcome, _ context: SessionContext) -> SessionAction {
        guard case .connecting(let connecting) = state, case .asking = connecting.stage else { return .none }
        let connect = connecting.connect
        switch outcome {
        case .granted(.connect(var claims, let data), let newMeta):
            if let newMeta { claims.meta = newMeta }
            guard claims.meta.count <= ClientSession.metaLimit else { return refuse(connect, .internalError, context) }
            isRefreshedByHook = !context.hooks.refresh.isEmpty
            return admit(Admission(claims: claims, data: data), connect, context)
        case .disconnect(let reason): return .disconnect(reason)
        default:
            guard case .reply(let reply) = refused(connect.command, outcome), case .error(let error) = reply.result
            else { return .none }
            return refuse(connect, error, context)
        }
    }

    // MARK: Subscribe

    /// Reserves the channel, and asks the application whether the client may have it.
    mutating func askSubscribe(_ wish: PendingSubscription.Wish, _ context: SessionContext) -> SessionAction {
        guard mayAsk(context) else { return refuse(wish.command, .tooManyRequests) }
        let request = wish.request
        let generation = reserve(request.channel, .asking(wish))
        return .ask(
            question(
                .subscribe(channel: request.channel, token: request.token, data: request.data),
                of: wish.options.subscribeHook, about: .subscribe(generation: generation)))
    }

    private mutating func subscribeAnswered(
        _ generation: UInt32, _ outcome: HookOutcome, _ context: SessionContext
    ) -> SessionAction {
        // Unsubscribed meanwhile, and maybe subscribed anew: that one has a question of its own.
        guard let index = pending.firstIndex(where: { $0.generation == generation }),
            case .asking(let wish) = pending[index].stage
        else { return .none }
        guard case .granted(.subscribe(let options), _) = outcome else {
            pending.remove(at: index)
            return refused(wish.command, outcome)
        }
        var order = makeOrder(
            generation, wish.request, wish.options, options, purpose: .command(wish.command), context)
        if !wish.options.subRefreshHook.isEmpty { order.flags.insert(.isRefreshedByHook) }
        pending[index].stage = .attaching(order, RecoveryBuffer())
        return .subscribe(order)
    }

    // MARK: Publish

    private func publishAnswered(
        _ command: UInt32, _ channel: ChannelName, _ data: [UInt8], _ options: ChannelOptions, _ outcome: HookOutcome
    ) -> SessionAction {
        guard case .granted(.publish(var publish), _) = outcome else { return refused(command, outcome) }
        if publish.isDropped { return .reply(Reply(id: command, result: .publish)) }
        if publish.data == nil { publish.data = data }
        return .publishGranted(command: command, channel: channel, publish, options: options)
    }

    // MARK: Refresh

    /// The questions that are due because something expires.
    mutating func dueRefreshes(_ context: SessionContext) -> [TimerAction] {
        guard context.now.monotonicMs >= Int64(nextRefresh) * 1_000 else { return [] }
        var actions: [TimerAction] = []
        if isRefreshedByHook, expireAt != 0, context.now.wallMs >= Moment.milliseconds(expireAt), !isOpen(.refresh) {
            actions.append(.ask(question(.refresh, of: context.hooks.refresh, about: .refresh)))
        }
        for subscription in subscriptions
        where subscription.flags.contains(.isRefreshedByHook) && subscription.expireAt != 0
            && context.now.wallMs >= Moment.milliseconds(subscription.expireAt)
        {
            let subject = Subject.subRefresh(generation: subscription.generation)
            guard !isOpen(subject),
                let options = try? context.rules.resolve(subscription.channel).options, !options.subRefreshHook.isEmpty
            else { continue }
            actions.append(
                .ask(question(.subRefresh(channel: subscription.channel), of: options.subRefreshHook, about: subject)))
        }
        // Without an answer it is asked again before the connection ends, but not at every tick.
        if !actions.isEmpty { nextRefresh = UInt32(clamping: context.now.monotonicMs / 1_000 + 2) }
        return actions
    }

    /// Moves the deadline to the first end that the application decides on.
    func considerRefreshes(_ context: SessionContext, _ deadline: inout Int64) {
        let earliest = Int64(nextRefresh) * 1_000
        func consider(_ expireAt: Int64) {
            guard expireAt != 0 else { return }
            let due = context.now.monotonicMs + max(Moment.milliseconds(expireAt) - context.now.wallMs, 0)
            deadline = min(deadline, max(due, earliest))
        }
        if isRefreshedByHook { consider(expireAt) }
        for subscription in subscriptions where subscription.flags.contains(.isRefreshedByHook) {
            consider(subscription.expireAt)
        }
    }

    private func isOpen(_ subject: Subject) -> Bool { questions.contains { $0.subject == subject } }

    private mutating func refreshAnswered(_ outcome: HookOutcome, _ context: SessionContext) -> SessionAction {
        guard isConnected else { return .none }
        switch outcome {
        case .granted(.refresh(let refresh), _):
            if refresh.isExpired { return .disconnect(.expired) }
            expireAt = refresh.expireAt
            if !refresh.info.isEmpty { info = refresh.info }
            nextRefresh = 0
            return .none
        case .disconnect(let reason): return .disconnect(reason)
        // It is asked again, until the time after the end is over as well.
        default: return .none
        }
    }

    private mutating func subRefreshAnswered(
        _ generation: UInt32, _ outcome: HookOutcome, _ context: SessionContext
    ) -> SessionAction {
        guard isConnected, let index = subscriptions.firstIndex(where: { $0.generation == generation }) else {
            return .none
        }
        switch outcome {
        case .granted(.subRefresh(let refresh), _):
            guard refresh.isExpired else {
                subscriptions[index].expireAt = refresh.expireAt
                if !refresh.info.isEmpty { subscriptions[index].info = refresh.info }
                nextRefresh = 0
                return .none
            }
            if subscriptions[index].flags.contains(.isServerSide) { return .disconnect(.subscriptionExpired) }
            return .expireSubscription(subscriptions[index])
        case .disconnect(let reason): return .disconnect(reason)
        default: return .none
        }
    }
}

/// One question that is open; its answer names the number.
package struct HookTicket: Equatable, Sendable {
    package var number: UInt32
    /// Which of the configured origins is asked.
    package var origin: OriginName
    package var question: HookQuestion
}

extension HookGrant {
    /// Whether this kind of grant answers that kind of question.
    func answers(_ subject: ClientSession.Subject) -> Bool {
        switch (self, subject) {
        case (.connect, .connect), (.subscribe, .subscribe), (.publish, .publish), (.rpc, .rpc), (.message, .message),
            (.refresh, .refresh), (.subRefresh, .subRefresh):
            true
        default: false
        }
    }
}
