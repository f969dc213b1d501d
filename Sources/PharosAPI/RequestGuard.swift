import HTTPTypes
import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Sees to time limits, `100 Continue`, and that even a request that could not be parsed is answered in JSON.
final class RequestGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limits: HTTPService.Limits
    private var bodyDeadline: Scheduled<Void>?
    private var responseDeadline: Scheduled<Void>?
    private var headOverflowed = false
    /// The body to send in place of an empty one.
    private var substitute: ByteBuffer?
    private var closesAfterResponse = false

    init(limits: HTTPService.Limits) {
        self.limits = limits
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        bodyDeadline?.cancel()
        responseDeadline?.cancel()
    }

    func channelInactive(context: ChannelHandlerContext) {
        bodyDeadline?.cancel()
        responseDeadline?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch Self.unwrapInboundIn(data) {
        case .head(let head):
            bodyDeadline?.cancel()
            bodyDeadline = closing(context.channel, after: limits.bodyTimeout)
            if expectsContinue(head) {
                context.writeAndFlush(Self.wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
            }
        case .body: break
        case .end:
            bodyDeadline?.cancel()
            bodyDeadline = nil
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if case HTTPParserError.headerOverflow = error { headOverflowed = true }
        context.fireErrorCaught(error)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch Self.unwrapOutboundIn(data) {
        case .head(var head):
            if head.status.code >= 400, head.headerFields[.contentLength] == "0" {
                substituteBody(of: &head)
            }
            closesAfterResponse = head.headerFields[.connection] == "close"
            context.write(Self.wrapOutboundOut(.head(head)), promise: promise)
        case .body:
            context.write(data, promise: promise)
        case .end:
            if let body = substitute.take() {
                context.write(Self.wrapOutboundOut(.body(body)), promise: nil)
            }
            writeEnd(context: context, data: data, promise: promise)
        }
    }

    // MARK: Details

    private func expectsContinue(_ head: HTTPRequest) -> Bool {
        guard head.headerFields[.expect]?.lowercased() == "100-continue" else { return false }
        // A body that is too large is refused before it is sent (RFC 9110, section 10.1.1).
        guard let length = head.headerFields[.contentLength].flatMap({ Int($0) }) else { return true }
        return length <= limits.bodySize
    }

    private func substituteBody(of head: inout HTTPResponse) {
        if headOverflowed, head.status == .badRequest { head.status = .requestHeaderFieldsTooLarge }
        let message = head.status.reasonPhrase.lowercased()
        let body: JSONTree = ["error": ["code": .integer(head.status.code), "message": .string(message)]]
        let bytes = body.encoded()
        head.headerFields[.contentType] = "application/json"
        head.headerFields[.contentLength] = String(bytes.count)
        substitute = ByteBuffer(bytes: bytes)
    }

    private func writeEnd(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let promise = promise ?? context.eventLoop.makePromise()
        responseDeadline?.cancel()
        let deadline = closing(context.channel, after: limits.responseTimeout)
        responseDeadline = deadline
        promise.futureResult.whenComplete { _ in deadline.cancel() }
        if closesAfterResponse {
            // Only our side is closed: the client may still be sending the body we do not want, and closing both sides
            // would reset the connection before it has read the answer.
            let channel = context.channel
            promise.futureResult.whenSuccess { channel.close(mode: .output, promise: nil) }
        }
        context.write(data, promise: promise)
    }

    private func closing(_ channel: any Channel, after time: Duration) -> Scheduled<Void> {
        channel.eventLoop.scheduleTask(in: TimeAmount(time)) { channel.close(promise: nil) }
    }
}
