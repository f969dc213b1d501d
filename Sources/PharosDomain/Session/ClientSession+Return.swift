/// Clients with a session key: they continue what an earlier connection left.
extension ClientSession {
    /// The outcome of looking for an earlier connection's state.
    package enum Claim: Equatable, Sendable {
        /// The client may go on as who it is, with what is left; nil: nothing is.
        case granted(RestoredState?)
        /// Nothing is kept under the key, so it says nothing about who the client is.
        case unknown
        /// The key belongs to another user, or what it stood for is over.
        case refused(ReplyError)
    }

    /// State that `sessionClaimed` gave and no connect has used.
    ///
    /// It is for the client that comes next.
    package var unusedState: RestoredState? {
        switch state {
        case .connecting(let connecting): connecting.connect.left?.state
        case .refused(let unused): unused?.state
        case .awaitingConnect, .connected, .closed: nil
        }
    }

    /// The answer to `claimSession`.
    package mutating func sessionClaimed(_ claim: Claim, _ context: SessionContext) -> SessionAction {
        guard case .connecting(let connecting) = state, case .claiming(let admission) = connecting.stage else {
            return .none
        }
        var connect = connecting.connect
        switch claim {
        case .refused(let error): return refuse(connect, error, context)
        case .unknown:
            guard let admission else { return admitAnonymous(connect, context) }
            connect.key = .claimed(nil)
            return admit(admission, connect, context)
        case .granted(var left):
            left?.age(context.now)
            let isOver = left?.isOver(context.now) ?? false
            if let admission {
                connect.key = .claimed(isOver ? nil : left.map { LeftState($0) })
                return admit(admission, connect, context)
            }
            connect.key = .claimed(left.map { LeftState($0) })
            guard let left else { return admitAnonymous(connect, context) }
            if isOver { return refuse(connect, .tokenExpired, context) }
            return admit(Admission(claims: left.claims, data: []), connect, context)
        }
    }

    /// Looks for what the client left; nil: that was done, or there is no key.
    ///
    /// Everything that can be refused is refused first, so that a client that is not admitted changes nothing for the one
    /// that is there.
    mutating func claim(for admission: Admission, _ connect: Connect, _ context: SessionContext) -> SessionAction? {
        guard case .brought = connect.key else { return nil }
        let claims = admission.claims
        let channels = serverChannels(claims, nil, context)
        guard channels.count <= context.settings.channelLimit else { return .disconnect(.channelLimit) }
        for (channel, _) in channels {
            do throws(ReplyError) { _ = try context.rules.resolve(channel) } catch {
                return refuse(connect, error, context)
            }
        }
        state = .connecting(Connecting(connect, .claiming(admission)))
        return .claimSession(user: claims.user, expireAt: claims.expireAt)
    }
}
