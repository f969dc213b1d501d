#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

package import Logging
package import NIOCore
import NIOPosix
import PharosEdge

/// Puts an HTTP server's handlers on a channel; runs on the channel's event loop. A failed future closes the channel.
package typealias ChannelServer = @Sendable (any Channel) -> EventLoopFuture<Void>

/// Takes the sockets whose requests the edge does not serve to NIO, where `serve` answers them.
package final class HandOver: SocketAdopter {
    private let group: any EventLoopGroup
    private let channels: ChannelSet
    private let logger: Logger
    private let serve: ChannelServer

    /// - Parameters:
    ///   - group: must be NIO's own `MultiThreadedEventLoopGroup`, the only one that can adopt a descriptor.
    ///   - connectionLimit: adopted sockets open at a time; further ones are closed and counted.
    ///   - serve: for example `HTTPService.serve`.
    package init(
        group: any EventLoopGroup, connectionLimit: Int = 1_024, logger: Logger, serve: @escaping ChannelServer
    ) {
        self.group = group
        self.channels = ChannelSet(limit: connectionLimit)
        self.logger = logger
        self.serve = serve
    }

    package var connectionCount: Int { channels.count }
    /// Sockets closed because the limit was reached or the server was stopping.
    package var refusedCount: UInt64 { channels.refusedCount }

    package func adopt(descriptor: Int32, bytes: [UInt8]) {
        guard !channels.isDraining else {
            // The event loops may be gone by now, so the descriptor must not be given to one.
            _ = close(descriptor)
            return
        }
        let channels = channels
        let serve = serve
        let logger = logger
        ClientBootstrap(group: group)
            // A client may close its sending side after the request and still wants the answer.
            .channelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
            .channelOption(ChannelOptions.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { channel in
                guard channels.insert(channel) else {
                    return channel.eventLoop.makeFailedFuture(ChannelError.eof)
                }
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ReceivedBytes(ByteBuffer(bytes: bytes)))
                }.flatMap { serve(channel) }
            }
            .withConnectedSocket(descriptor)
            .whenFailure { error in
                logger.debug("a handed over connection was not served", metadata: ["error": "\(error)"])
            }
    }

    /// Adopts nothing more, lets requests in progress finish, and returns when all adopted sockets are closed.
    package func shutdown(gracePeriod: Duration) async {
        await channels.drain(gracePeriod: TimeAmount(gracePeriod), on: group.any())
    }
}
