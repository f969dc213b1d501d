/// New ends of connections and subscriptions: by a token, or by the server.
extension ClientSession {
    mutating func refreshReceived(_ command: UInt32, _ token: String, _ context: SessionContext) -> SessionAction {
        guard !token.isEmpty else { return .disconnect(.badRequest) }
        return .verifyRefresh(command: command, token: token)
    }

    package mutating func refreshVerified(
        _ command: UInt32, _ outcome: TokenOutcome<ConnectionClaims>, _ context: SessionContext
    ) -> SessionAction {
        guard isConnected else { return .none }
        switch outcome {
        case .valid(let claims):
            guard isCovered(.refresh(claims)) else { return .disconnect(.invalidToken) }
            expireAt = claims.expireAt
            info = claims.info
            return .reply(Reply(id: command, result: .refresh(refreshResult(context))))
        case .expired: return .disconnect(.expired)
        case .invalid: return .disconnect(.invalidToken)
        case .tooLong: return .disconnect(.tokenTooLong)
        case .needsKeys, .unavailable: return refuse(command, .internalError)
        }
    }

    private func refreshResult(_ context: SessionContext) -> RefreshResult {
        var result = RefreshResult()
        result.client = client.name
        result.version = context.version
        result.expires = expireAt != 0
        result.ttl = ttl(expireAt, context)
        return result
    }

    /// The server gives the connection a new end; 0 never. nil: it ends now.
    package mutating func refreshedByServer(
        expireAt newExpireAt: Int64?, info newInfo: [UInt8], _ context: SessionContext
    ) -> Push? {
        guard isConnected, let newExpireAt else { return nil }
        expireAt = newExpireAt
        if !newInfo.isEmpty { info = newInfo }
        return Push(channel: "", event: .refresh(expires: expireAt != 0, ttl: ttl(expireAt, context)))
    }

    // MARK: Sub-refresh

    mutating func subRefreshReceived(_ command: UInt32, _ request: SubRefreshRequest) -> SessionAction {
        guard !request.channel.isEmpty else { return .disconnect(.badRequest) }
        guard let subscription = subscription(of: request.channel) else { return refuse(command, .permissionDenied) }
        guard request.unsupported.isEmpty, !request.token.isEmpty else { return refuse(command, .badRequest) }
        return .verifySubRefresh(
            command: command, channel: request.channel, generation: subscription.generation, token: request.token)
    }

    /// The token brought for the subscription with this generation has been looked at.
    package mutating func subRefreshVerified(
        _ command: UInt32, channel: ChannelName, generation: UInt32, _ outcome: TokenOutcome<SubscriptionClaims>,
        _ context: SessionContext
    ) -> SessionAction {
        guard isConnected else { return .none }
        switch outcome {
        case .valid(let claims):
            guard isCovered(.channel(channel, claims)) else { return .disconnect(.invalidToken) }
            guard let index = subscriptions.firstIndex(where: { $0.generation == generation }) else {
                return refuse(command, .permissionDenied)
            }
            subscriptions[index].expireAt = claims.expireAt
            if !claims.options.info.isEmpty { subscriptions[index].info = claims.options.info }
            return .reply(
                Reply(
                    id: command,
                    result: .subRefresh(expires: claims.expireAt != 0, ttl: ttl(claims.expireAt, context))))
        // The old end stays: answering with success here would let the subscription live for ever.
        case .expired: return refuse(command, .tokenExpired)
        case .invalid: return .disconnect(.invalidToken)
        case .tooLong: return .disconnect(.tokenTooLong)
        case .needsKeys, .unavailable: return refuse(command, .internalError)
        }
    }
}
