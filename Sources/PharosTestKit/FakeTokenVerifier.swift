import PharosBytes
package import PharosDomain

/// A verifier with scripted answers: tokens are names for them.
///
/// A connection token is the user's name unless an answer was set for it; `expired` and `forged` are answered as that.
/// Tokens that begin with `late-` need keys first: `loadKeys` returns when a test calls `releaseKeys`.
package final class FakeTokenVerifier: TokenVerifier {
    private struct State: Sendable {
        var connections: [String: ConnectionClaims] = [:]
        var subscriptions: [String: SubscriptionClaims] = [:]
        var hasKeys = false
        var loads = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
        var loadWatchers: [(count: Int, CheckedContinuation<Void, Never>)] = []
    }

    private let state = Locked(State())

    package init() {}

    package func setConnection(_ token: String, _ configure: (inout ConnectionClaims) -> Void) {
        var claims = ConnectionClaims()
        configure(&claims)
        state.withLock { $0.connections[token] = claims }
    }

    package func setSubscription(_ token: String, _ configure: (inout SubscriptionClaims) -> Void) {
        var claims = SubscriptionClaims()
        configure(&claims)
        state.withLock { $0.subscriptions[token] = claims }
    }

    /// From now on keys are at hand; every `loadKeys` under way returns.
    package func releaseKeys() {
        let waiting = state.withLock { state in
            state.hasKeys = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns once `loadKeys` has been called at least `count` times.
    package func loadsReached(_ count: Int) async {
        await withCheckedContinuation { continuation in
            let isReached = state.withLock { state in
                if state.loads >= count { return true }
                state.loadWatchers.append((count, continuation))
                return false
            }
            if isReached { continuation.resume() }
        }
    }

    package func verifyConnection(token: String, nowMs: Int64) -> TokenOutcome<ConnectionClaims> {
        state.withLock { state in
            if token == "expired" { return .expired }
            if token == "forged" { return .invalid(TokenFault(.signature, "forged")) }
            if token.hasPrefix("late-"), !state.hasKeys { return .needsKeys }
            if let claims = state.connections[token] { return .valid(claims) }
            var claims = ConnectionClaims()
            claims.user = UserID(token)
            return .valid(claims)
        }
    }

    package func verifySubscription(token: String, nowMs: Int64) -> TokenOutcome<SubscriptionClaims> {
        state.withLock { state in
            if token == "expired" { return .expired }
            if token.hasPrefix("late-"), !state.hasKeys { return .needsKeys }
            guard let claims = state.subscriptions[token] else { return .invalid(TokenFault(.signature, "unknown")) }
            return .valid(claims)
        }
    }

    package func loadKeys() async {
        await withCheckedContinuation { continuation in
            let (isDone, watchers) = state.withLock { state in
                state.loads += 1
                if !state.hasKeys { state.waiting.append(continuation) }
                let reached = state.loadWatchers.filter { $0.count <= state.loads }
                state.loadWatchers.removeAll { $0.count <= state.loads }
                return (state.hasKeys, reached)
            }
            for watcher in watchers { watcher.1.resume() }
            if isDone { continuation.resume() }
        }
    }
}
