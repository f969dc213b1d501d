import Logging
import NIOCore
import PharosEdge
import PharosServices

/// Behind TLS: reads the first request's head, then gives the connection to a shard or to the HTTP server.
///
/// Upgrades and everything under `/connection/` are the shards', as are requests that are to be refused: they are refused
/// there in the same words as without TLS. All else is HTTP. The head is judged here so that a request whose body is
/// still arriving does not travel to a shard and back while NIO reads on.
final class FrontHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    struct Limits {
        var headSize: Int
        /// From the accept to the end of the first head, so that it limits the TLS handshake too.
        var headTimeout: TimeAmount
        /// For a peer that does not take what is to be sent before closing.
        var closeTimeout: TimeAmount
    }

    private enum State {
        case readingHead(ByteBuffer)
        /// `given` are the bytes given to the shard so far, while it has not reacted: should it hand the connection over,
        /// that is what the HTTP server must see, including what was on its way to the shard at that moment.
        case shard(any ByteSource, ChannelSink, given: [UInt8]?)
        /// The HTTP server's handlers are being added: what arrives meanwhile waits.
        case handingOver(ByteBuffer)
        case done
    }

    private let backend: any Backend
    private let limits: Limits
    private let logger: Logger
    private let serve: ChannelServer
    private var state = State.readingHead(ByteBuffer())
    private var context: ChannelHandlerContext?
    private var deadline: Scheduled<Void>?
    private var lastWrite: EventLoopFuture<Void>?

    init(backend: any Backend, limits: Limits, logger: Logger, serve: @escaping ChannelServer) {
        self.backend = backend
        self.limits = limits
        self.logger = logger
        self.serve = serve
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
        var bytes = Self.unwrapInboundIn(data)
        switch state {
        case .readingHead(var head):
            // The state must not share the buffer while it grows, or each read would copy it.
            state = .done
            head.writeBuffer(&bytes)
            headRead(head, context: context)
        case .shard(let source, let sink, let given):
            let array = Array(bytes.readableBytesView)
            state = .done
            state = .shard(source, sink, given: remember(given, array))
            source.received(array)
        case .handingOver(var waiting):
            state = .done
            waiting.writeBuffer(&bytes)
            state = .handingOver(waiting)
        case .done:
            break
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        if case .shard(let source, let sink, _) = state {
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

    // MARK: The first head

    private func headRead(_ head: ByteBuffer, context: ChannelHandlerContext) {
        switch owner(of: head) {
        case .unknown:
            state = .readingHead(head)
        case .shard:
            deadline?.cancel()
            let sink = ChannelSink(handler: self, eventLoop: context.eventLoop)
            let source = backend.open(sink: sink, peer: context.remoteAddress?.ipAddress ?? "")
            let array = Array(head.readableBytesView)
            state = .shard(source, sink, given: array)
            source.received(array)
        case .http:
            deadline?.cancel()
            install(head, context: context)
        }
    }

    private enum Owner { case unknown, shard, http }

    private func owner(of bytes: ByteBuffer) -> Owner {
        bytes.withUnsafeReadableBytes { bytes in
            switch RequestHead.parse(bytes, limit: limits.headSize) {
            case .incomplete: .unknown
            case .refused: .shard
            case .http2Preface: .http
            case .complete(let head):
                isForShards(head) ? .shard : .http
            }
        }
    }

    /// Which paths are raw only the shards know: they hand back what is not theirs.
    private func isForShards(_ head: RequestHead) -> Bool {
        head.headerCount("upgrade") > 0 || Endpoint.isServed(head.path) || RawServicePath(head.path) != nil
            || head.header("accept", hasToken: "text/event-stream")
    }

    // MARK: What the shard asks for

    /// Writes what the shard sent since the last hop, and flushes.
    func send(_ output: [[UInt8]], count: Int, promise: EventLoopPromise<Void>) {
        guard let context, case .shard(let source, let sink, let given) = state else {
            promise.fail(ChannelError.ioOnClosedChannel)
            return
        }
        if given != nil {
            state = .shard(source, sink, given: nil)
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
        guard let context, case .shard(_, let sink, _) = state else { return }
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

    /// - Parameter bytes: what the shard had not consumed; our own record is preferred because nothing is missing in it.
    func handOverRequested(_ bytes: [UInt8]) {
        guard let context, case .shard(_, let sink, let given) = state else { return }
        state = .done
        sink.detach()
        install(ByteBuffer(bytes: given ?? bytes), context: context)
    }

    // MARK: Details

    private func install(_ bytes: ByteBuffer, context: ChannelHandlerContext) {
        state = .handingOver(bytes)
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        serve(context.channel).hop(to: context.eventLoop).whenComplete { result in
            let (handler, context) = bound.value
            handler.installed(result, context: context)
        }
    }

    private func installed(_ result: Result<Void, any Error>, context: ChannelHandlerContext) {
        guard case .handingOver(let bytes) = state else { return }
        state = .done
        guard case .success = result else {
            context.close(promise: nil)
            return
        }
        context.fireChannelRead(Self.wrapInboundOut(bytes))
        context.fireChannelReadComplete()
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    /// Bounded: a shard that lets more than this pass without a word is not about to hand over.
    private func remember(_ given: [UInt8]?, _ bytes: [UInt8]) -> [UInt8]? {
        guard var given, given.count + bytes.count <= limits.headSize + 65_536 else { return nil }
        given.append(contentsOf: bytes)
        return given
    }

    private func closeAfter(_ time: TimeAmount, context: ChannelHandlerContext) {
        deadline?.cancel()
        let channel = context.channel
        deadline = context.eventLoop.scheduleTask(in: time) { channel.close(promise: nil) }
    }
}
