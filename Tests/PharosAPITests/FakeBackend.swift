import PharosDomain
import PharosEdge
import PharosServices
import Synchronization

/// A backend for tests: remembers API calls, echoes what connections send.
final class FakeBackend: Backend {
    struct Call: Equatable {
        var method: String
        var query: String
        var headers: [String: String]
        var body: [UInt8]
    }

    struct RawCall: Equatable {
        var method: String
        var path: String
        var query: String
        var headers: [String: String]
        var body: [UInt8]
    }

    struct State {
        var calls: [Call] = []
        var rawCalls: [RawCall] = []
        var counters = NodeCounters()
        var isReady = true
        var storeHealth = StoreHealth.working
        var response = APIResponse(status: 200, body: Array(#"{"result":{}}"#.utf8))
        var opened: [EchoSource] = []
        /// Whether connections are handed over at once instead of echoed.
        var handsOver = false
        var beforeAnswer: @Sendable () async -> Void = {}
    }

    let state = Mutex(State())

    var calls: [Call] { state.withLock { $0.calls } }

    func callAPI(method: String, query: String, headers: [String: String], body: [UInt8]) async -> APIResponse {
        await state.withLock { $0.beforeAnswer }()
        return state.withLock { state in
            state.calls.append(Call(method: method, query: query, headers: headers, body: body))
            return state.response
        }
    }

    var rawCalls: [RawCall] { state.withLock { $0.rawCalls } }

    func callRaw(
        method: String, path: String, query: String, headers: [String: String], body: [UInt8]
    ) async -> APIResponse {
        state.withLock { state in
            state.rawCalls.append(RawCall(method: method, path: path, query: query, headers: headers, body: body))
            return method == "DELETE" ? APIResponse(status: 204, body: []) : state.response
        }
    }

    var storeHealth: StoreHealth { state.withLock { $0.storeHealth } }

    func open(sink: any ByteSink, peer: String) -> any ByteSource {
        state.withLock { state in
            let source = EchoSource(sink: sink, peer: peer, handsOver: state.handsOver)
            state.opened.append(source)
            return source
        }
    }

    func counters() async -> NodeCounters { state.withLock { $0.counters } }

    var isReady: Bool { state.withLock { $0.isReady } }
}

/// Sends back what it receives; a `!` in it ends the connection after the echo.
final class EchoSource: ByteSource {
    let sink: any ByteSink
    let peer: String
    private let handsOver: Bool
    private let closures = AsyncStream<Void>.makeStream()

    init(sink: any ByteSink, peer: String, handsOver: Bool) {
        self.sink = sink
        self.peer = peer
        self.handsOver = handsOver
    }

    func received(_ bytes: [UInt8]) {
        if handsOver { return sink.handOver(bytes) }
        sink.write(bytes)
        if bytes.contains(UInt8(ascii: "!")) { sink.close() }
    }

    func closed() { closures.continuation.finish() }

    /// Returns when the connection was closed by the peer.
    func waitUntilClosed() async {
        for await _ in closures.stream {}
    }
}
