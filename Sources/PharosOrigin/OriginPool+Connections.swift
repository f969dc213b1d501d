import NIOCore
import NIOPosix
import PharosDomain
import PharosProtocol

/// How waiting exchanges come to connections. On the event loop only.
extension OriginPool {
    /// Serves what waits, in order, as far as there are connections and permission.
    func serveWaiting() {
        // A connection may fail, or an exchange end, while we are at it: the loop that is under way sees what that leaves.
        guard !isServing else { return }
        isServing = true
        defer { isServing = false }
        while let exchange = waiting.first {
            if exchange.isFinished {
                waiting.removeFirst()
                continue
            }
            switch permission.requestArrived(nowMs: OriginPool.nowMs()) {
            case .send: break
            case .wait: return
            case .ask: return askPermission()
            case .refused:
                waiting.removeFirst()
                finish(exchange, .failure(.notPermitted))
                continue
            }
            if !exchange.needsFreshConnection, let connection = idle.popLast() {
                waiting.removeFirst()
                stopWaiting(exchange)
                exchange.connection = connection
                connection.begin(exchange)
            } else if connections.count < max(settings.concurrency, 1) {
                waiting.removeFirst()
                stopWaiting(exchange)
                open(for: exchange)
            } else if exchange.needsFreshConnection, !idle.isEmpty {
                let oldest = idle.removeFirst()
                connections[ObjectIdentifier(oldest)] = nil
                oldest.close()
            } else {
                return
            }
        }
    }

    private func askPermission() {
        let exchange = OriginExchange(
            .permission, lane: .events, request: builder.permission(), startedAt: .now(), timeout: timeout,
            retries: RetrySchedule(retries: settings.retries, isRepeatable: true))
        exchange.isWaiting = false
        unfinished += 1
        deadlines.append(exchange)
        open(for: exchange)
        setTimer()
    }

    private func open(for exchange: OriginExchange) {
        let connection = OriginConnection(
            pool: self, exchange: exchange, answerLimit: settings.answerLimit, isSecure: tls != nil)
        connections[ObjectIdentifier(connection)] = connection
        exchange.connection = connection
        startIdleCheck()
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(timeout)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { [tls, address] channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let tls else { return }
                    try channel.pipeline.syncOperations.addHandler(
                        TLSChannelHandler(connecting: tls, to: address.host, isAddress: address.isNumeric))
                }
            }
        let connecting =
            resolved.map { bootstrap.connect(to: $0) }
            ?? bootstrap.connect(host: address.host, port: address.port)
        connecting.whenComplete { [self] result in
            switch result {
            case .success(let channel): connectionOpened(connection, channel)
            case .failure: connectionEnded(connection)
            }
        }
    }

    /// Adds the handler to an open channel.
    ///
    /// It joins only now: for a name with several addresses there may have been channels that came to nothing.
    private func connectionOpened(_ connection: OriginConnection, _ channel: any Channel) {
        guard channel.isActive, (try? channel.pipeline.syncOperations.addHandler(connection)) != nil else {
            channel.close(promise: nil)
            return connectionEnded(connection)
        }
        guard !isShutDown else { return connection.close() }
        connection.begin()
        if connection.exchange == nil { connectionIsFree(connection) }
    }

    /// It may carry another exchange.
    func connectionIsFree(_ connection: OriginConnection) {
        idle.append(connection)
        serveWaiting()
    }

    /// It is gone, or never came about.
    func connectionEnded(_ connection: OriginConnection) {
        if let index = idle.firstIndex(where: { $0 === connection }) { idle.remove(at: index) }
        connections[ObjectIdentifier(connection)] = nil
        if let exchange = connection.exchange, !exchange.isFinished {
            attemptFailed(exchange, connection.endOfExchange)
        }
        if isShutDown, connections.isEmpty { stopped?.succeed() }
        serveWaiting()
    }

    func answered(_ exchange: OriginExchange, _ answer: HTTPAnswer) {
        finish(exchange, .success(answer))
    }

    func failed(_ exchange: OriginExchange, _ failure: OriginFailure) {
        finish(exchange, .failure(failure))
    }

    private func attemptFailed(_ exchange: OriginExchange, _ failure: RetrySchedule.Failure) {
        exchange.connection = nil
        let remaining = (exchange.deadline - .now()).nanoseconds / 1_000_000
        switch exchange.retries.attemptFailed(failure, remainingMs: isShutDown ? 0 : remaining) {
        case .giveUp: finish(exchange, .failure(failure == .notConnected ? .unreachable : .closed))
        case .again(let afterMs):
            if failure == .keptConnectionEnded { exchange.needsFreshConnection = true }
            guard afterMs > 0 else { return again(exchange) }
            loop.scheduleTask(in: .milliseconds(afterMs)) { [self] in again(exchange) }
        }
    }

    /// Before all others, since it has waited longest.
    private func again(_ exchange: OriginExchange) {
        guard !exchange.isFinished else { return }
        if case .permission = exchange.purpose { return open(for: exchange) }
        waiting.prepend(exchange)
        serveWaiting()
    }

    /// Closes connections that have been unused for a while.
    ///
    /// The origin would do it at a bad moment.
    private func startIdleCheck() {
        guard idleCheck == nil else { return }
        idleCheck = loop.scheduleRepeatedTask(initialDelay: OriginPool.idleLimit, delay: OriginPool.idleLimit) {
            [weak self] _ in self?.closeIdle()
        }
    }

    private func closeIdle() {
        let now = NIODeadline.now()
        let old = idle.filter { now - $0.idleSince > OriginPool.idleLimit }
        idle.removeAll { now - $0.idleSince > OriginPool.idleLimit }
        for connection in old { connection.close() }
    }
}
