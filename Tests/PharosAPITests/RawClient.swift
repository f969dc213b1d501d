import NIOCore
import NIOPosix

/// A client that works with bytes: it sends given ones and reads HTTP answers.
///
/// Used by one task at a time.
final class RawClient {
    let channel: any Channel
    private var iterator: AsyncStream<[UInt8]>.AsyncIterator
    private(set) var buffer: [UInt8] = []
    /// The server must last as long as its client.
    var server: RoutesServer?

    struct Answer {
        var status: Int
        /// Names in lower case.
        var headers: [String: String]
        var body: [UInt8]
        var text: String { String(decoding: body, as: UTF8.self) }
    }

    private init(channel: any Channel, iterator: AsyncStream<[UInt8]>.AsyncIterator) {
        self.channel = channel
        self.iterator = iterator
    }

    static func connect(port: Int) async throws -> RawClient {
        let (stream, continuation) = AsyncStream<[UInt8]>.makeStream()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        return RawClient(channel: channel, iterator: stream.makeAsyncIterator())
    }

    func send(_ bytes: some Sequence<UInt8>) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func send(_ text: String) async throws {
        try await send(text.utf8)
    }

    /// Waits for more bytes; false at the end of the stream.
    func receive() async -> Bool {
        var iterator = iterator
        let bytes = await iterator.next()
        self.iterator = iterator
        guard let bytes else { return false }
        buffer += bytes
        return true
    }

    /// Exactly `count` bytes, or fewer if the stream ends before.
    func receive(count: Int) async -> [UInt8] {
        while buffer.count < count, await receive() {}
        defer { buffer.removeFirst(min(count, buffer.count)) }
        return Array(buffer.prefix(count))
    }

    /// All bytes to the end of the stream.
    func receiveAll() async -> [UInt8] {
        while await receive() {}
        defer { buffer = [] }
        return buffer
    }

    /// The next HTTP answer; nil if the stream ends before it is whole.
    ///
    /// - Parameter hasBody: false for answers to HEAD.
    func answer(hasBody: Bool = true) async -> Answer? {
        let end = Array("\r\n\r\n".utf8)
        var headEnd: Int?
        while headEnd == nil {
            headEnd = (0..<max(0, buffer.count - 3)).first { Array(buffer[$0..<$0 + 4]) == end }
            if headEnd == nil, !(await receive()) { return nil }
        }
        guard let headEnd else { return nil }
        let lines = String(decoding: buffer[..<headEnd], as: UTF8.self).split(separator: "\r\n")
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        let status = Int(lines[0].split(separator: " ")[1]) ?? 0
        let isBodiless = !hasBody || status == 100 || status == 304
        let length = isBodiless ? 0 : Int(headers["content-length"] ?? "") ?? 0
        let whole = await receive(count: headEnd + 4 + length)
        guard whole.count == headEnd + 4 + length else { return nil }
        return Answer(status: status, headers: headers, body: Array(whole[(headEnd + 4)...]))
    }

    /// One request and its answer.
    func request(_ method: String, _ target: String, _ headers: String = "", body: String = "") async throws -> Answer?
    {
        let length = body.isEmpty && method != "POST" ? "" : "Content-Length: \(body.utf8.count)\r\n"
        try await send("\(method) \(target) HTTP/1.1\r\nHost: localhost\r\n\(headers)\(length)\r\n\(body)")
        return await answer(hasBody: method != "HEAD")
    }

    func close() async {
        try? await channel.close().get()
    }
}

private final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let continuation: AsyncStream<[UInt8]>.Continuation

    init(_ continuation: AsyncStream<[UInt8]>.Continuation) {
        self.continuation = continuation
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        continuation.yield(Array(Self.unwrapInboundIn(data).readableBytesView))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { continuation.finish() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        continuation.finish()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
