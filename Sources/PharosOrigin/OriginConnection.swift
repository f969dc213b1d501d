import NIOCore
import NIOTLS
import PharosDomain
import PharosProtocol
import PharosTLS

/// One connection to an origin: one request at a time, then kept for the next.
///
/// Belongs to the event loop of its pool, which is why it may be captured unchecked.
final class OriginConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let pool: OriginPool
    private let answerLimit: Int
    private var context: ChannelHandlerContext?
    private var reader: HTTPAnswerReader?
    /// The exchange that it carries now, or was opened for.
    private(set) var exchange: OriginExchange?
    /// Whether an earlier request was answered on it.
    private(set) var isKept = false
    /// Before that nothing of a request can have left.
    private var isSecured: Bool
    private(set) var idleSince = NIODeadline.now()
    /// The bytes of an answer broke off, or its end was not authentic.
    private var hasFailed = false
    private var hasEnded = false

    init(pool: OriginPool, exchange: OriginExchange, answerLimit: Int, isSecure: Bool) {
        self.pool = pool
        self.exchange = exchange
        self.answerLimit = answerLimit
        isSecured = !isSecure
    }

    /// Whether a request is on its way.
    ///
    /// Otherwise it may wait for the connection to come about.
    var isInUse: Bool { reader != nil }

    /// Why nothing came of the exchange, if the connection ends now.
    var endOfExchange: RetrySchedule.Failure {
        if !isSecured || reader == nil { return .notConnected }
        return isKept && reader?.hasBegun == false ? .keptConnectionEnded : .connectionEnded
    }

    /// Sends what the connection was opened for, unless its time is over.
    func begin() {
        guard let exchange, !exchange.isFinished else {
            exchange = nil
            idleSince = .now()
            return
        }
        begin(exchange)
    }

    func begin(_ exchange: OriginExchange) {
        self.exchange = exchange
        reader = HTTPAnswerReader(bodyLimit: answerLimit)
        context?.writeAndFlush(wrapOutboundOut(exchange.request), promise: nil)
    }

    /// Closes a connection that is of no further use.
    ///
    /// Its exchange has ended otherwise, or it carries none. Bytes that still arrive mean nothing.
    func close() {
        exchange = nil
        reader = nil
        context?.close(promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    /// A channel that closes before it has become active says so by nothing else.
    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        ended()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let exchange, reader != nil else {
            // These bytes were not asked for, and could be taken for the next answer.
            context.close(promise: nil)
            return
        }
        do {
            let answer = try unwrapInboundIn(data).withUnsafeReadableBytes { try reader?.feed($0) }
            if let answer { answered(exchange, answer) }
        } catch {
            fail(exchange, error)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent { isSecured = true }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        hasFailed = true
        if let failure = error as? TLSFailure { pool.notSecured(failure) }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { ended() }

    private func ended() {
        guard !hasEnded else { return }
        hasEnded = true
        guard let exchange, !hasFailed, let answer = try? reader?.finish() else {
            pool.connectionEnded(self)
            return
        }
        self.exchange = nil
        pool.connectionEnded(self)
        pool.answered(exchange, answer)
    }

    private func answered(_ exchange: OriginExchange, _ answer: HTTPAnswer) {
        if answer.keepsConnection {
            self.exchange = nil
            reader = nil
            isKept = true
            idleSince = .now()
            pool.connectionIsFree(self)
        } else {
            close()
        }
        pool.answered(exchange, answer)
    }

    private func fail(_ exchange: OriginExchange, _ error: any Error) {
        close()
        let failure = (error as? HTTPAnswerReader.Failure)?.kind == .tooLarge ? OriginFailure.tooLarge : .nonsense
        pool.failed(exchange, failure)
    }
}
