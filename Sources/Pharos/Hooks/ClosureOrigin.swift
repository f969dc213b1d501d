import PharosBytes
import PharosDomain
import PharosServices

/// The application in the same process: questions become calls of its closures.
final class ClosureOrigin: Origin {
    /// Stands for the closures where settings name origins.
    static let name: OriginName = "closures"

    private let hooks: PharosServer.Hooks
    private let refusals: RefusalLedger
    private let lanes = SerialLanes()

    init(_ hooks: PharosServer.Hooks, refusals: RefusalLedger) {
        self.hooks = hooks
        self.refusals = refusals
    }

    func ask(_ request: HookRequest, of name: OriginName, answer: @escaping @Sendable (HookOutcome) -> Void) {
        switch request.question.kind {
        case .publish, .message:
            // A client's messages keep their order, whichever closures see them on the way.
            lanes.add(.client(request.client)) { answer(await self.timed(request)) }
        default: Task { answer(await self.timed(request)) }
        }
    }

    /// The decision, or what stands in for one that does not come in time.
    private func timed(_ request: HookRequest) async -> HookOutcome {
        await withCheckedContinuation { continuation in
            let first = First(continuation)
            let decision = Task { first.resume(with: await decide(request)) }
            let timer = Task {
                do {
                    try await Task.sleep(for: hooks.timeout)
                } catch {
                    return
                }
                guard first.resume(with: .unavailable) else { return }
                decision.cancel()
                refusals.note(request, "timeout")
            }
            first.afterwards { timer.cancel() }
        }
    }

    private func decide(_ request: HookRequest) async -> HookOutcome {
        // Another origin may have been granted to see more.
        let facts = request.facts.limited(to: hooks.visible)
        let client = PharosServer.Hooks.Client(request, facts)
        do {
            switch request.question {
            case .connect(let data, let name, let version, _):
                let question = PharosServer.Hooks.Connect(client: client, data: data, name: name.text, version: version)
                return try await hooks.decidesConnect?(question).outcome ?? .unavailable
            case .refresh:
                return try await hooks.decidesRefresh?(PharosServer.Hooks.Refresh(client: client)).outcome
                    ?? .unavailable
            case .subscribe(let channel, let token, let data):
                let question = PharosServer.Hooks.Subscribe(
                    client: client, channel: channel.text, token: token, data: data)
                return try await hooks.decidesSubscribe?(question).outcome ?? .unavailable
            case .publish(let channel, let data):
                let question = PharosServer.Hooks.Publish(client: client, channel: channel.text, data: data)
                return try await hooks.decidesPublish?(question).outcome ?? .unavailable
            case .rpc(let method, let data):
                let question = PharosServer.Hooks.Call(client: client, method: method.text, data: data)
                return try await hooks.decidesCall?(question).outcome ?? .unavailable
            case .subRefresh(let channel):
                let question = PharosServer.Hooks.RefreshSubscription(client: client, channel: channel.text)
                return try await hooks.decidesSubscriptionRefresh?(question).outcome ?? .unavailable
            case .message(let data):
                let question = PharosServer.Hooks.Message(client: client, data: data)
                return try await hooks.decidesMessage?(question).outcome ?? .unavailable
            case .handshake:
                let question = PharosServer.Hooks.Handshake(client: client, method: facts.method, path: facts.path)
                return try await hooks.decidesHandshake?(question).outcome ?? .unavailable
            }
        } catch {
            // The type alone: an error's description may hold what the client sent.
            refusals.note(request, "thrown", "\(type(of: error))")
            return .unavailable
        }
    }
}

/// Takes the first of several answers.
private final class First: Sendable {
    private struct State: Sendable {
        var continuation: CheckedContinuation<HookOutcome, Never>?
        var isDone = false
        var afterwards: (@Sendable () -> Void)?
    }

    private let state: Locked<State>

    init(_ continuation: CheckedContinuation<HookOutcome, Never>) {
        state = Locked(State(continuation: continuation))
    }

    /// False: there was an answer already.
    @discardableResult
    func resume(with outcome: HookOutcome) -> Bool {
        let (continuation, afterwards) = state.withLock { state in
            state.isDone = true
            defer { (state.continuation, state.afterwards) = (nil, nil) }
            return (state.continuation, state.afterwards)
        }
        guard let continuation else { return false }
        continuation.resume(returning: outcome)
        afterwards?()
        return true
    }

    /// Runs `body` once there is an answer.
    func afterwards(_ body: @escaping @Sendable () -> Void) {
        let isDone = state.withLock { state in
            if !state.isDone { state.afterwards = body }
            return state.isDone
        }
        if isDone { body() }
    }
}
