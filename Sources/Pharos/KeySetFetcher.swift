import NIOCore
import NIOHTTP1
import NIOPosix
import PharosAuth
import PharosDomain
import PharosOrigin
import PharosTLS

/// Fetches key sets over HTTP or HTTPS.
///
/// It takes a few seconds at most and a bounded size, and follows no redirect.
///
/// One small request an hour: NIO's own HTTP client handlers are enough, and cost nothing at start.
struct KeySetFetcher: Sendable {
    struct Failure: KeySetFetchFailure {
        var description: String
        var fault = KeySetFault.unreachable
    }

    /// Bytes of a key set.
    static let sizeLimit = 1_048_576
    private static let timeout = TimeAmount.seconds(5)

    let group: any EventLoopGroup

    func fetch(_ endpoint: String) async throws -> [UInt8] {
        let address = try KeySetFetcher.address(endpoint)
        let answer = group.next().makePromise(of: [UInt8].self)
        let deadline = answer.futureResult.eventLoop.scheduleTask(in: Self.timeout) {
            answer.fail(Failure(description: "the key set did not arrive within 5 s", fault: .timeout))
        }
        answer.futureResult.whenComplete { _ in deadline.cancel() }
        let tls = address.isSecure ? try TLSContext.client() : nil
        let connecting = ClientBootstrap(group: answer.futureResult.eventLoop)
            .connectTimeout(Self.timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            TLSChannelHandler(connecting: tls, to: address.host, isAddress: address.isNumeric))
                    }
                    try channel.pipeline.syncOperations.addHTTPClientHandlers()
                    try channel.pipeline.syncOperations.addHandler(KeySetHandler(address: address, answer: answer))
                }
            }
            .connect(host: address.host, port: address.port)
        connecting.whenFailure { answer.fail($0) }
        answer.futureResult.whenComplete { _ in
            connecting.whenSuccess { $0.close(promise: nil) }
        }
        return try await answer.futureResult.get()
    }

    private static func address(_ endpoint: String) throws(Failure) -> HTTPAddress {
        do {
            return try HTTPAddress(endpoint)
        } catch {
            throw Failure(description: error.description)
        }
    }
}

/// One request and its answer.
private final class KeySetHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let address: HTTPAddress
    private let answer: EventLoopPromise<[UInt8]>
    private var body: [UInt8] = []

    init(address: HTTPAddress, answer: EventLoopPromise<[UInt8]>) {
        self.address = address
        self.answer = answer
    }

    func channelActive(context: ChannelHandlerContext) {
        let headers: HTTPHeaders = [
            "host": address.authority, "accept": "application/json", "connection": "close", "user-agent": "pharos",
        ]
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: address.target, headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            // A redirect is not followed either: the address is what the operator wrote.
            if head.status != .ok {
                answer.fail(
                    KeySetFetcher.Failure(
                        description: "the key set was answered with \(head.status.code)", fault: .status))
            }
        case .body(let part):
            body.append(contentsOf: part.readableBytesView)
            if body.count > KeySetFetcher.sizeLimit {
                answer.fail(KeySetFetcher.Failure(description: "the key set is larger than 1 MiB", fault: .tooLarge))
            }
        case .end:
            answer.succeed(body)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(KeySetFetcher.Failure(description: "the connection ended before the key set"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(error)
    }
}
