package import Logging
package import NIOCore
import NIOPosix
import NIOSSL
package import PharosDomain
package import PharosServices
import Synchronization

/// The entrance for `wss` and `https`: NIO decrypts, the shards and the HTTP server see the same bytes as without TLS.
package final class TLSListener: Sendable {
    private let settings: TLSSettings
    private let edge: EdgeSettings
    private let backend: any Backend
    private let group: any EventLoopGroup
    private let logger: Logger
    private let certificates: CertificateStore
    private let channels: ChannelSet

    private struct Running {
        var listener: (any Channel)?
        var check: RepeatedTask?
    }
    private let running = Mutex(Running())

    /// Reads certificate and key; listens only after `start`.
    ///
    /// - Parameter connectionLimit: TLS connections open at a time; further ones are closed and counted.
    package init(
        settings: TLSSettings, edge: EdgeSettings, backend: any Backend, group: any EventLoopGroup,
        connectionLimit: Int = 16_384, logger: Logger
    ) throws(TLSListenerError) {
        self.settings = settings
        self.edge = edge
        self.backend = backend
        self.group = group
        self.logger = logger
        self.certificates = try CertificateStore(settings: settings, logger: logger)
        self.channels = ChannelSet(limit: connectionLimit)
    }

    package var connectionCount: Int { channels.count }
    /// Connections closed because the limit was reached or the server was stopping.
    package var refusedCount: UInt64 { channels.refusedCount }

    /// Listens on the edge's address and the TLS port, and looks for new certificate files every `checkInterval`.
    ///
    /// - Returns: the port, which the system chose if the settings say 0.
    package func start(checkInterval: Duration = .seconds(5)) async throws(TLSListenerError) -> Int {
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(ChannelOptions.backlog, value: Int32(clamping: edge.backlog))
            // SO_REUSEADDR survives a restart's TIME_WAIT. SO_REUSEPORT is left off: it would let a forgotten first
            // instance take half of the connections.
            .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(ChannelOptions.socketOption(.tcp_nodelay), value: 1)
            // One busy peer gives way to the others of its event loop after this many reads.
            .childChannelOption(ChannelOptions.maxMessagesPerRead, value: 4)
            .childChannelInitializer { [self] channel in
                guard channels.insert(channel) else {
                    return channel.eventLoop.makeFailedFuture(ChannelError.eof)
                }
                return channel.eventLoop.makeCompletedFuture { try addHandlers(to: channel) }
            }
        let listener: any Channel
        do {
            listener = try await bootstrap.bind(host: edge.address, port: settings.port).get()
        } catch {
            throw TLSListenerError(code: .port, subject: "\(edge.address):\(settings.port)", underlying: error)
        }
        let certificates = certificates
        let check = group.any().scheduleRepeatedTask(
            initialDelay: TimeAmount(checkInterval), delay: TimeAmount(checkInterval)
        ) { _ in certificates.reloadIfChanged() }
        running.withLock { $0 = Running(listener: listener, check: check) }
        return listener.localAddress?.port ?? settings.port
    }

    /// Reads certificate and key again now, as on `SIGHUP`. A bad pair throws, and the one in use stays.
    package func reload() throws(TLSListenerError) {
        try certificates.reload()
    }

    /// Stops listening, lets HTTP requests finish, and returns when all connections are closed.
    ///
    /// The shards close theirs themselves, telling the clients; what is open after `gracePeriod` is closed by force.
    package func shutdown(gracePeriod: Duration) async {
        let running = running.withLock { running in
            defer { running = Running() }
            return running
        }
        running.check?.cancel()
        try? await running.listener?.close().get()
        await channels.drain(gracePeriod: TimeAmount(gracePeriod), on: group.any())
    }

    private func addHandlers(to channel: any Channel) throws {
        let limits = FrontHandler.Limits(
            headTimeout: .nanoseconds(Int64(edge.headTimeout * 1e9)),
            closeTimeout: .nanoseconds(Int64(max(edge.writeTimeout, 1) * 1e9)))
        try channel.pipeline.syncOperations.addHandlers([
            NIOSSLServerHandler(context: certificates.context),
            FrontHandler(backend: backend, limits: limits, logger: logger),
        ])
    }
}
