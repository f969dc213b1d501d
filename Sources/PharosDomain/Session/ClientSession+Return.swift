/// Clients with a session key: they continue what an earlier connection left, once it is known who they are.
extension ClientSession {
    /// What looking for an earlier connection's state has brought.
    package enum Claim: Equatable, Sendable {
        /// The client may go on as who it is, with what is left; nil: nothing is.
        case granted(RestoredState?)
        /// Nothing is kept under the key, so it says nothing about who the client is.
        case unknown
        /// The key belongs to somebody else, or what it stood for is over.
        case refused(ReplyError)
    }

    /// The client has a session key; call before `connect` arrives.
    ///
    /// Nothing is taken from anybody yet: that the key is known says nothing about whether the client may connect.
    package mutating func bringsKey() {
        precondition(state == .awaitingConnect, "the key is known before the connect")
        restored = Restored(nil, isClaimed: false)
    }

    /// What was given by `sessionClaimed` and no connect has used: it is for whoever comes next.
    package var unusedState: RestoredState? { restored?.state }

    /// The answer to `claimSession`.
    package mutating func sessionClaimed(_ claim: Claim, _ context: SessionContext) -> SessionAction {
        guard state == .connecting, let connecting else { return .none }
        switch claim {
        case .refused(let error): return refuseConnect(error, context)
        case .unknown: return admitAnonymous(context)
        case .granted(let left):
            var left = left
            left?.age(context.now)
            let isOver = left?.isOver(context.now) ?? false
            if let admission = connecting.admission {
                restored = Restored(isOver ? nil : left, isClaimed: true)
                return admit(admission.claims, data: admission.data, context)
            }
            restored = Restored(left, isClaimed: true)
            guard let left else { return admitAnonymous(context) }
            return isOver ? refuseConnect(.tokenExpired, context) : admit(left.claims, context)
        }
    }

    /// Looks for what the client left before it is let in; nil: that was done, or there is no key.
    ///
    /// Everything that can be refused is refused first, so that a client that is not let in changes nothing for the one
    /// that is there.
    mutating func claim(
        for claims: ConnectionClaims, _ data: [UInt8], _ context: SessionContext
    ) -> SessionAction? {
        guard let restored, !restored.isClaimed, let connecting else { return nil }
        let channels = serverChannels(claims, context)
        guard channels.count <= context.settings.channelLimit else { return .disconnect(.channelLimit) }
        for (channel, _) in channels {
            do throws(ReplyError) { _ = try context.rules.resolve(channel) } catch {
                return refuseConnect(error, context)
            }
        }
        self.connecting = connecting.admitting(claims, data)
        return .claimSession(user: claims.user, expireAt: claims.expireAt)
    }
}
