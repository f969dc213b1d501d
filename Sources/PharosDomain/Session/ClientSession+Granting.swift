/// The options that a subscription is granted.
extension ClientSession {
    /// Grants wishes only with the matching permission, and forced options unasked.
    func makeOrder(
        _ generation: UInt32, _ request: SubscribeRequest, _ namespace: ChannelOptions,
        _ options: SubscriptionOptions, purpose: SubscribeOrder.Purpose, _ context: SessionContext
    ) -> SubscribeOrder {
        let permissions = context.permissions
        let override = options.override
        var flags: Subscription.Flags = []
        if override.presence ?? namespace.presence { flags.insert(.keepsPresence) }
        if override.joinLeave ?? namespace.joinLeave {
            flags.insert(.emitsJoinLeave)
            let mayAsk = permissions.allows(namespace.presenceAccess, user: user, isSubscribed: true)
            if override.forcePushJoinLeave ?? namespace.forcePushJoinLeave || (request.joinLeave && mayAsk) {
                flags.insert(.receivesJoinLeave)
            }
        }
        if namespace.hasHistory {
            let mayAsk = permissions.allows(namespace.historyAccess, user: user, isSubscribed: true)
            let wantsRecovery = request.recoverable || request.recover
            if override.forceRecovery ?? namespace.forceRecovery
                || (wantsRecovery && (namespace.allowRecovery || mayAsk))
            {
                flags.formUnion([.isRecoverable, .isPositioned])
            }
            if override.forcePositioning ?? namespace.forcePositioning
                || (request.positioned && (namespace.allowPositioning || mayAsk))
            {
                flags.insert(.isPositioned)
            }
        }
        var from: StreamPosition?
        if flags.contains(.isRecoverable) {
            if request.recover {
                from = StreamPosition(offset: request.offset, epoch: request.epoch)
            } else if namespace.autoCacheRecover, namespace.recoveryMode == .cache {
                from = StreamPosition()
            }
        }
        // Where publications may be dropped or replaced, a difference could meet the wrong base.
        if request.delta == "fossil", flags.contains(.isPositioned), namespace.slowReader == .close,
            namespace.allowedDeltaTypes.contains("fossil")
        {
            flags.insert(.usesDelta)
        }
        return SubscribeOrder(
            purpose: purpose, channel: request.channel, generation: generation, flags: flags, info: options.info,
            recoverFrom: from, recoveryMode: namespace.recoveryMode, rejectsUnrecovered: request.rejectsUnrecovered,
            expireAt: options.expireAt, data: options.data)
    }
}
