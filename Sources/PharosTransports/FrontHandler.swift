import Logging
import NIOCore
import PharosEdge
import PharosServices

/// Behind TLS: gives a shard the decrypted bytes, and the peer what the shard writes.
final class FrontHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Limits {
        /// From the accept to the first byte, so that it limits the TLS handshake too.
        var headTimeout: TimeAmount
        /// For a peer that does not take what is to be sent before closing.
        var closeTimeout: TimeAmount
    }

    private enum State {
        case waiting
        case shard(any ByteSource, ChannelSink)
        case done
    }

    private let backend: any Backend
    private let limits: Limits
    private let logger: Logger
    private var state = State.waiting
    private var context: ChannelHandlerContext?
    private var deadline: Scheduled<Void>?
    private var lastWrite: EventLoopFuture<Void>?

    init(backend: any Backend, limits: Limits, logger: Logger) {
        self.backend = backend
        self.limits = limits
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        closeAfter(limits.headTimeout, context: context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        if case .waiting = state {
            deadline?.cancel()
            let sink = ChannelSink(handler: self, eventLoop: context.eventLoop)
            state = .shard(backend.open(sink: sink, peer: context.remoteAddress?.ipAddress ?? ""), sink)
        }
        if case .shard(let source, _) = state { source.received(Array(bytes.readableBytesView)) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        if case .shard(let source, let sink) = state {
            sink.detach()
            source.closed()
        }
        state = .done
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        logger.debug("TLS connection failed", metadata: ["error": "\(error)"])
        context.close(promise: nil)
    }

    // MARK: What the shard asks for

    /// Writes what the shard sent since the last hop, and flushes.
    func send(_ output: [[UInt8]], count: Int, promise: EventLoopPromise<Void>) {
        guard let context, case .shard = state else {
            promise.fail(ChannelError.ioOnClosedChannel)
            return
        }
        var buffer = context.channel.allocator.buffer(capacity: count)
        for bytes in output { buffer.writeBytes(bytes) }
        lastWrite = promise.futureResult
        context.writeAndFlush(Self.wrapOutboundOut(buffer), promise: promise)
    }

    /// Whether the peer is read from; TCP makes it wait if not.
    func setReading(_ isReading: Bool) {
        guard let context, case .shard = state else { return }
        _ = context.channel.setOption(ChannelOptions.autoRead, value: isReading)
    }

    /// Closes when everything written before is with the operating system, or the peer does not take it in time.
    func closeAfterOutput() {
        guard let context, case .shard(_, let sink) = state else { return }
        state = .done
        sink.detach()
        guard let lastWrite else {
            context.close(promise: nil)
            return
        }
        closeAfter(limits.closeTimeout, context: context)
        let channel = context.channel
        lastWrite.whenComplete { _ in channel.close(promise: nil) }
    }

    private func closeAfter(_ time: TimeAmount, context: ChannelHandlerContext) {
        deadline?.cancel()
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }
}
