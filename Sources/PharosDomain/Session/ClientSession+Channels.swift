/// Publishing and looking: permission is decided here, the work is the service's.
extension ClientSession {
    mutating func publishReceived(
        _ command: UInt32, _ request: PublishRequest, _ context: SessionContext
    ) -> SessionAction {
        guard !request.channel.isEmpty else { return .disconnect(.badRequest) }
        guard request.unsupported.isEmpty else { return refuse(command, .notAvailable) }
        guard !request.data.isEmpty else { return refuse(command, .badRequest) }
        let options: ChannelOptions
        do throws(ReplyError) { options = try context.rules.resolve(request.channel).options } catch {
            return refuse(command, error)
        }
        if !options.publishHook.isEmpty {
            guard mayAsk(context) else { return refuse(command, .tooManyRequests) }
            return .ask(
                question(
                    .publish(channel: request.channel, data: request.data), of: options.publishHook,
                    about: .publish(
                        command: command, channel: request.channel, data: request.data, options: options)))
        }
        guard isAllowed(request.channel, options.publish, context) else { return refuse(command, .permissionDenied) }
        return .publish(command: command, channel: request.channel, data: request.data, options: options)
    }

    mutating func rpcReceived(
        _ command: UInt32, _ method: MethodName, _ data: [UInt8], _ context: SessionContext
    ) -> SessionAction {
        // Without any origin no method can be known.
        guard !context.hooks.rpc.isEmpty else { return refuse(command, .notAvailable) }
        guard let origin = context.hooks.origin(rpc: method) else { return refuse(command, .methodNotFound) }
        guard mayAsk(context) else { return refuse(command, .tooManyRequests) }
        return .ask(question(.rpc(method: method, data: data), of: origin, about: .rpc(command: command)))
    }

    /// A message for the application.
    ///
    /// The protocol has no answer to it, so clients send it without an id, and only a close shows them that it was not
    /// taken. One that carries an id is answered under it: by the empty result that the protocol has for `ping`
    /// once the application has taken it, or by an error, and the connection goes on.
    mutating func messageReceived(_ command: UInt32, _ data: [UInt8], _ context: SessionContext) -> SessionAction {
        guard !context.hooks.message.isEmpty else {
            return command == 0 ? .disconnect(.notAvailable) : refuse(command, .notAvailable)
        }
        guard mayAsk(context) else {
            return command == 0 ? .disconnect(.tooManyRequests) : refuse(command, .tooManyRequests)
        }
        return .ask(question(.message(data: data), of: context.hooks.message, about: .message(command: command)))
    }

    mutating func presenceReceived(
        _ command: UInt32, _ channel: ChannelName, _ context: SessionContext, _ action: SessionAction
    ) -> SessionAction {
        guard !channel.isEmpty else { return .disconnect(.badRequest) }
        return checked(command, channel, context, \.presenceAccess, isOn: \.presence) { _ in action }
    }

    mutating func historyReceived(
        _ command: UInt32, _ request: HistoryRequest, _ context: SessionContext
    ) -> SessionAction {
        guard !request.channel.isEmpty else { return .disconnect(.badRequest) }
        return checked(command, request.channel, context, \.historyAccess, isOn: \.hasHistory) { options in
            var limited = request
            let most = Int32(clamping: context.settings.historyMaxPublicationLimit)
            if limited.limit < 0 || limited.limit > most { limited.limit = most }
            return .readHistory(command: command, limited, options: options)
        }
    }

    /// Checks that a channel offers something, then that the client may use it.
    ///
    /// So error 108 goes before 103.
    private func checked(
        _ command: UInt32, _ channel: ChannelName, _ context: SessionContext,
        _ allowance: KeyPath<ChannelOptions, ChannelOptions.Allowance>, isOn: KeyPath<ChannelOptions, Bool>,
        _ body: (ChannelOptions) -> SessionAction
    ) -> SessionAction {
        let options: ChannelOptions
        do throws(ReplyError) { options = try context.rules.resolve(channel).options } catch {
            return refuse(command, error)
        }
        guard options[keyPath: isOn] else { return refuse(command, .notAvailable) }
        guard isAllowed(channel, options[keyPath: allowance], context) else {
            return refuse(command, .permissionDenied)
        }
        return body(options)
    }

    private func isAllowed(
        _ channel: ChannelName, _ allowance: ChannelOptions.Allowance, _ context: SessionContext
    ) -> Bool {
        context.permissions.allows(allowance, user: user, isSubscribed: subscription(of: channel) != nil)
    }
}
