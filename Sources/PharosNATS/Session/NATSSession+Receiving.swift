import PharosBytes

extension NATSSession {
    /// Bytes of the server have come, in any pieces.
    package mutating func receive(_ bytes: UnsafeRawBufferPointer, nowMs: Int64) {
        guard !isClosed, !bytes.isEmpty else { return }
        // Bytes in clear before the encryption could be another's.
        guard state != .startingTLS else { return finish(.unexpected) }
        keepAlive.heard(nowMs)
        var rest = bytes
        do throws(NATSParseError) {
            while !isClosed, let message = try parser.next(&rest) {
                accept(message)
                if state == .startingTLS, !rest.isEmpty { finish(.unexpected) }
            }
        } catch {
            finish(.malformed(error))
        }
    }

    /// The connection is encrypted: the answer to `startTLS`.
    package mutating func tlsStarted() {
        guard state == .startingTLS else { return }
        connect()
    }

    private mutating func accept(_ message: NATSServerMessage) {
        switch message {
        case .info(let info): accept(info)
        case .error(let text): accept(NATSServerError(text))
        case .ok: break
        case .ping where info != nil: writer.pong()
        case .pong where info != nil: acceptPong()
        case .message(let message) where state == .ready: accept(message)
        case .ping, .pong, .message: finish(.unexpected)
        }
    }

    private mutating func accept(_ info: NATSInfo) {
        let earlier = self.info
        self.info = info
        switch state {
        case .awaitingInfo: beginConnecting(info)
        case .ready where info != earlier: events.append(.infoChanged(info))
        default: break
        }
    }

    private mutating func beginConnecting(_ info: NATSInfo) {
        switch settings.tls {
        case .never:
            guard !info.requiresTLS else { return finish(.tlsRequired) }
            connect()
        case .afterInfo:
            guard info.requiresTLS || info.offersTLS else { return finish(.tlsUnavailable) }
            state = .startingTLS
            events.append(.startTLS)
        case .fromStart:
            connect()
        }
    }

    private mutating func connect() {
        var options = NATSConnectOptions()
        options.name = settings.name
        options.version = settings.version
        options.requiresTLS = settings.tls != .never
        options.echo = settings.echo
        options.headers = info?.supportsHeaders ?? false
        options.authenticate(settings.credentials, nonce: info?.nonce)
        writer.connect(options)
        ping()
        state = .connecting
    }

    private mutating func acceptPong() {
        guard keepAlive.pongReceived() else { return finish(.unexpected) }
        if state == .connecting {
            state = .ready
            for (subscription, entry) in subscriptions.ordered { replay(subscription, entry) }
            if let info { events.append(.ready(info)) }
        }
        endDrainIfDone()
    }

    /// Writes a subscription that was made before this connection was ready.
    private mutating func replay(_ subscription: UInt64, _ entry: NATSSubscriptions.Entry) {
        do throws(NATSOrderError) {
            try writer.subscribe(subscription, to: entry.subject, queue: entry.queue)
        } catch {
            preconditionFailure("subscriptions are checked when they are added")
        }
        if let remaining = entry.remaining { writer.unsubscribe(subscription, after: remaining) }
    }

    private mutating func accept(_ error: NATSServerError) {
        events.append(.error(error))
        guard state == .ready else { return finish(.refused(error)) }
        if !error.keepsConnection { finish(.failed(error)) }
    }

    private mutating func accept(_ message: NATSMessage) {
        if message.subscription == NATSSubscriptions.inbox { return acceptAnswer(message) }
        if subscriptions.receive(message.subscription) { events.append(.message(message)) }
    }

    /// Writes a PING and gives its number.
    @discardableResult
    mutating func ping() -> UInt64 {
        writer.ping()
        return keepAlive.pingSent()
    }
}
