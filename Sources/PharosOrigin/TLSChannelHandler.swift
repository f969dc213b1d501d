package import NIOCore
import NIOTLS
package import PharosTLS

/// TLS of one NIO channel.
///
/// Ciphertext is on the side of the network, plaintext on the other.
///
/// What is written before the handshake is done waits for it. Its end is reported as `TLSUserEvent.handshakeCompleted`. When the
/// peer goes without saying so, `TLSBrokenEnd` is reported first: the bytes before it may have been cut off by somebody else.
package final class TLSChannelHandler: ChannelDuplexHandler {
    package typealias InboundIn = ByteBuffer
    package typealias InboundOut = ByteBuffer
    package typealias OutboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    private enum Phase {
        /// The channel is not connected.
        case waiting
        case handshake
        case established
        /// One side has said that it sends nothing more, or something has failed.
        case ended
    }

    private var session: TLSSession
    private var phase = Phase.waiting
    private var output = TLSOutput()
    private var pending = CircularBuffer<(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)>()
    private var isFlushWanted = false

    /// A client of `host`, which the server's certificate must be for.
    ///
    /// - Parameter isAddress: `host` is an IP address.
    /// - Throws: `TLSNoSession`.
    package init(connecting context: TLSContext, to host: String, isAddress: Bool) throws {
        guard let session = TLSSession(connecting: context, to: host, isAddress: isAddress) else {
            throw TLSNoSession()
        }
        self.session = session
    }

    /// A server's side.
    package init(accepting context: TLSContext) throws {
        guard let session = TLSSession(accepting: context) else { throw TLSNoSession() }
        self.session = session
    }

    // MARK: From the network

    package func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive { start(context) }
    }

    package func handlerRemoved(context: ChannelHandlerContext) {
        dropPending(ChannelError.ioOnClosedChannel)
    }

    package func channelActive(context: ChannelHandlerContext) {
        start(context)
        context.fireChannelActive()
    }

    private func start(_ context: ChannelHandlerContext) {
        guard phase == .waiting else { return }
        phase = .handshake
        receive(ByteBuffer(), context)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        receive(Self.unwrapInboundIn(data), context)
    }

    private func receive(_ input: ByteBuffer, _ context: ChannelHandlerContext) {
        guard phase == .handshake || phase == .established else { return }
        var plaintext = context.channel.allocator.buffer(capacity: input.readableBytes + TLSSession.recordSize)
        var status = TLSProgress.Status.open
        input.withUnsafeReadableBytes { bytes in
            _ = plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: bytes.count + TLSSession.recordSize) {
                // With this much room everything is consumed.
                let progress = session.receive(bytes, plaintext: $0, output: &output)
                status = progress.status
                return progress.produced
            }
        }
        sendOutput(context)
        if phase == .handshake, session.isHandshakeComplete { established(context) }
        if plaintext.readableBytes > 0 { context.fireChannelRead(Self.wrapInboundOut(plaintext)) }
        switch status {
        case .open, .full: break
        case .closed: end(context)
        case .failed(let failure):
            // Bytes that are read further on may close the channel, or have done so.
            guard phase != .ended else { return }
            phase = .ended
            dropPending(failure)
            context.fireErrorCaught(failure)
            context.close(promise: nil)
        }
    }

    private func established(_ context: ChannelHandlerContext) {
        phase = .established
        let name = session.selectedProtocol
        context.fireUserInboundEventTriggered(
            TLSUserEvent.handshakeCompleted(negotiatedProtocol: name.isEmpty ? nil : name))
        if isFlushWanted { flush(context: context) }
    }

    /// The peer has said that it sends nothing more: so do we, and all is over.
    private func end(_ context: ChannelHandlerContext) {
        guard phase != .ended else { return }
        close(context: context, mode: .all, promise: nil)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        if phase == .handshake || phase == .established {
            phase = .ended
            dropPending(TLSBrokenEnd())
            context.fireErrorCaught(TLSBrokenEnd())
        }
        context.fireChannelInactive()
    }

    // MARK: To the network

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard phase != .ended else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        pending.append((Self.unwrapOutboundIn(data), promise))
    }

    package func flush(context: ChannelHandlerContext) {
        guard phase == .established else {
            isFlushWanted = true
            return
        }
        isFlushWanted = false
        var promises: [EventLoopPromise<Void>] = []
        var isEncrypted = true
        while isEncrypted, let (bytes, promise) = pending.popFirst() {
            if let promise { promises.append(promise) }
            isEncrypted = bytes.withUnsafeReadableBytes { session.encrypt($0, into: &output) }
        }
        guard isEncrypted else {
            for promise in promises { promise.fail(session.failure) }
            phase = .ended
            dropPending(session.failure)
            context.fireErrorCaught(session.failure)
            context.close(promise: nil)
            return
        }
        sendOutput(context, promises)
    }

    package func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard mode == .all else {
            promise?.fail(ChannelError.operationUnsupported)
            return
        }
        if phase == .established {
            session.close(into: &output)
            sendOutput(context)
        }
        phase = .ended
        dropPending(ChannelError.ioOnClosedChannel)
        context.close(mode: .all, promise: promise)
    }

    private func sendOutput(_ context: ChannelHandlerContext, _ promises: [EventLoopPromise<Void>] = []) {
        guard !output.isEmpty else {
            for promise in promises { promise.succeed() }
            return
        }
        var bytes = context.channel.allocator.buffer(capacity: output.count)
        bytes.writeBytes(output.bytes)
        output.removeAll()
        guard !promises.isEmpty else {
            context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: nil)
            return
        }
        let sent = context.eventLoop.makePromise(of: Void.self)
        for promise in promises { sent.futureResult.cascade(to: promise) }
        context.writeAndFlush(Self.wrapOutboundOut(bytes), promise: sent)
    }

    private func dropPending(_ error: any Error) {
        while let (_, promise) = pending.popFirst() { promise?.fail(error) }
    }
}

/// The connection has ended without TLS' own end.
package struct TLSBrokenEnd: Error {}

/// There is no memory for a session, or the host's name is none.
package struct TLSNoSession: Error {}
