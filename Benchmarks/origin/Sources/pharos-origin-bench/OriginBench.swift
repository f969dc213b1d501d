import Dispatch
import Foundation
import NIOCore
import NIOPosix
import PharosBytes
import PharosDomain
import PharosOrigin

/// Asks a connect question again and again.
///
/// So many are under way at once. It prints what that costs this process.
///
/// The server is another process, so that its work is not counted.
@main
struct OriginBench {
    static func main() throws {
        if CommandLine.arguments.dropFirst().first == "serve" { return try InstantServer.serve() }
        let count = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 200_000
        let server = try ServerProcess()
        defer { server.stop() }
        print("form           under way   questions/s   CPU us/question   of it in the kernel")
        for form in [OriginSettings.Form.proxy, .cloudEvents] {
            for depth in [1, 16, 256] {
                try run(form, depth: depth, count: depth == 1 ? count / 8 : count, port: server.port)
            }
        }
    }

    private static func run(_ form: OriginSettings.Form, depth: Int, count: Int, port: Int) throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        var settings = OriginSettings(name: "app", url: "http://127.0.0.1:\(port)/hook")
        settings.form = form
        settings.timeout = 30
        if form == .cloudEvents { settings.secret = "secret" }
        let origin = try HTTPOrigin([settings], node: "bench", group: group)
        let asker = Asker(origin: origin, depth: depth)
        asker.ask(count / 10)
        let usage = Usage.now()
        let start = ContinuousClock.now
        asker.ask(count)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let used = Usage.now() - usage
        let row = [
            form.rawValue.padding(toLength: 14, withPad: " ", startingAt: 0), column(String(depth), 9),
            column(String(Int(Double(count) / seconds)), 13),
            column(String(format: "%.1f", used.total / Double(count) * 1e6), 17),
            column(String(format: "%.1f", used.system / Double(count) * 1e6), 21),
        ]
        print(row.joined(separator: " "))
        guard asker.failures == 0 else { fatalError("\(asker.failures) questions came to nothing") }
        try group.syncShutdownGracefully()
    }

    private static func column(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}

/// Keeps so many questions under way: each answer asks the next.
final class Asker: Sendable {
    private struct State {
        var left = 0
        var open = 0
        var failures = 0
    }

    private let origin: HTTPOrigin
    private let depth: Int
    private let state = Locked(State())
    private let done = DispatchSemaphore(value: 0)
    private let request: HookRequest

    init(origin: HTTPOrigin, depth: Int) {
        self.origin = origin
        self.depth = depth
        var request = HookRequest(
            .connect(data: Array(#"{"room":"lobby"}"#.utf8), name: "js", version: "5.3", headers: [:]))
        request.client = "3f0c2a54-8f1e-4b7e-9d0a-51d6c0a1f2e3"
        request.transport = "websocket"
        self.request = request
    }

    var failures: Int { state.withLock { $0.failures } }

    func ask(_ count: Int) {
        state.withLock { $0.left = count }
        for _ in 0..<min(depth, count) { next() }
        done.wait()
    }

    private func next() {
        let asks = state.withLock { state in
            guard state.left > 0 else { return false }
            state.left -= 1
            state.open += 1
            return true
        }
        guard asks else { return }
        origin.ask(request, of: "app") { [self] outcome in
            let isLast = state.withLock { state in
                state.open -= 1
                if case .granted = outcome {} else { state.failures += 1 }
                return state.left == 0 && state.open == 0
            }
            if isLast { done.signal() } else { next() }
        }
    }
}

/// CPU seconds of this process.
struct Usage {
    var user: Double
    var system: Double

    var total: Double { user + system }

    static func now() -> Usage {
        var usage = rusage()
        getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        return Usage(user: seconds(usage.ru_utime), system: seconds(usage.ru_stime))
    }

    static func - (later: Usage, earlier: Usage) -> Usage {
        Usage(user: later.user - earlier.user, system: later.system - earlier.system)
    }

    private static func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
}
