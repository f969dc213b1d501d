import NIOCore
import NIOPosix
import PharosBytes
import PharosOrigin
import PharosTLS

/// An application's HTTP server whose every byte the test decides.
final class TestOrigin: Sendable {
    struct Request: Sendable {
        var line: String
        /// Names in lower case.
        var fields: [String: String]
        var body: [UInt8]
        /// Which of the server's connections, and which request on it, from 1.
        var connection: Int
        var place: Int

        var bodyText: String { String(decoding: body, as: UTF8.self) }
    }

    enum Reaction: Sendable {
        case bytes(String)
        case bytesThenClose(String)
        /// The connection ends below TLS, as when somebody in between cuts it.
        case bytesThenCut(String)
        case close
        case silence
    }

    struct Seen: Sendable {
        var requests: [Request] = []
        var connections = 0
        var open: [ObjectIdentifier: any Channel] = [:]
        var mostOpen = 0
    }

    typealias Script = @Sendable (Request) -> Reaction

    let port: Int
    let seen = Locked(Seen())
    private let listener: any Channel

    /// - Parameter port: 0: any.
    static func start(
        on group: any EventLoopGroup, port: Int = 0, tls: TLSContext? = nil, _ script: @escaping Script
    ) async throws -> TestOrigin {
        let origin = Locked<TestOrigin?>(nil)
        let listener = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(TLSChannelHandler(accepting: tls))
                    }
                    let handler = RequestHandler(origin: { origin.withLock { $0 } }, script: script)
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        let made = TestOrigin(listener: listener)
        origin.withLock { $0 = made }
        return made
    }

    private init(listener: any Channel) {
        self.listener = listener
        port = listener.localAddress?.port ?? 0
    }

    var url: String { "http://127.0.0.1:\(port)/hook?a=1" }

    var requests: [Request] { seen.withLock { $0.requests } }

    var connectionCount: Int { seen.withLock { $0.connections } }

    /// Closes everything, as a process that is killed.
    func stop() async throws {
        try await listener.close()
        for channel in seen.withLock({ Array($0.open.values) }) { try? await channel.close() }
    }

    static func json(_ body: String, status: String = "200 OK", extra: String = "") -> Reaction {
        .bytes(
            "HTTP/1.1 \(status)\r\ncontent-type: application/json\r\n\(extra)content-length: \(body.utf8.count)\r\n\r\n"
                + body)
    }

    private final class RequestHandler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let origin: () -> TestOrigin?
        private let script: Script
        private var received: [UInt8] = []
        private var connection = 0
        private var place = 0

        init(origin: @escaping () -> TestOrigin?, script: @escaping Script) {
            self.origin = origin
            self.script = script
        }

        func channelActive(context: ChannelHandlerContext) {
            connection =
                origin()?.seen.withLock {
                    $0.connections += 1
                    $0.open[ObjectIdentifier(context.channel)] = context.channel
                    $0.mostOpen = max($0.mostOpen, $0.open.count)
                    return $0.connections
                } ?? 0
        }

        func channelInactive(context: ChannelHandlerContext) {
            _ = origin()?.seen.withLock { $0.open.removeValue(forKey: ObjectIdentifier(context.channel)) }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += Array(unwrapInboundIn(data).readableBytesView)
            while let request = nextRequest() {
                origin()?.seen.withLock { $0.requests.append(request) }
                switch script(request) {
                case .bytes(let text): write(text, context)
                case .bytesThenClose(let text):
                    write(text, context)
                    context.close(promise: nil)
                case .bytesThenCut(let text):
                    write(text, context)
                    let tls = try? context.pipeline.syncOperations.context(handlerType: TLSChannelHandler.self)
                    (tls ?? context).close(promise: nil)
                case .close: context.close(promise: nil)
                case .silence: break
                }
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

        private func write(_ text: String, _ context: ChannelHandlerContext) {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        }

        private func nextRequest() -> Request? {
            let end = Array("\r\n\r\n".utf8)
            guard received.count >= 4,
                let start = (0...(received.count - 4)).first(where: { Array(received[$0..<($0 + 4)]) == end })
            else { return nil }
            var lines = String(decoding: received[..<start], as: UTF8.self).split(separator: "\r\n").map(String.init)
            let line = lines.removeFirst()
            var fields: [String: String] = [:]
            for field in lines {
                guard let colon = field.firstIndex(of: ":") else { continue }
                fields[String(field[..<colon])] = String(field[field.index(colon, offsetBy: 2)...])
            }
            let length = Int(fields["content-length"] ?? "") ?? 0
            guard received.count >= start + 4 + length else { return nil }
            let body = Array(received[(start + 4)..<(start + 4 + length)])
            received.removeFirst(start + 4 + length)
            place += 1
            return Request(line: line, fields: fields, body: body, connection: connection, place: place)
        }
    }
}
