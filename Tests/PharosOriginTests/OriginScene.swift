import NIOCore
import NIOPosix
import PharosBytes
import PharosDomain
import PharosOrigin

/// One HTTP origin and Pharos' side of it.
struct OriginScene {
    let server: TestOrigin
    let origin: HTTPOrigin
    let reports: Locked<[OriginReport]>

    /// Runs `body` with a server that follows `script`, and ends both.
    static func run(
        _ change: (inout OriginSettings) -> Void = { _ in }, script: @escaping TestOrigin.Script,
        body: (OriginScene) async throws -> Void
    ) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await TestOrigin.start(on: group, script)
        try await run(server, change, body: body)
        try await server.stop()
    }

    static func run(
        _ server: TestOrigin, _ change: (inout OriginSettings) -> Void = { _ in },
        body: (OriginScene) async throws -> Void
    ) async throws {
        let reports = Locked<[OriginReport]>([])
        var settings = OriginSettings(name: "app", url: server.url)
        // Generous, since tests run on busy machines; those about time set their own.
        settings.timeout = 60
        change(&settings)
        let origin = try HTTPOrigin([settings], node: "n1", group: MultiThreadedEventLoopGroup.singleton) { report in
            reports.withLock { $0.append(report) }
        }
        let scene = OriginScene(server: server, origin: origin, reports: reports)
        do {
            try await body(scene)
            await origin.shutdown()
        } catch {
            await origin.shutdown()
            throw error
        }
    }

    private init(server: TestOrigin, origin: HTTPOrigin, reports: Locked<[OriginReport]>) {
        self.server = server
        self.origin = origin
        self.reports = reports
    }

    func ask(_ request: HookRequest, of name: OriginName = "app") async -> HookOutcome {
        await withCheckedContinuation { answer in
            origin.ask(request, of: name) { answer.resume(returning: $0) }
        }
    }

    func ask(_ question: HookQuestion, of name: OriginName = "app") async -> HookOutcome {
        var request = HookRequest(question)
        request.client = "c1"
        request.transport = "websocket"
        request.user = "42"
        return await ask(request, of: name)
    }

    func deliver(_ event: RawEvent) async -> RawAnswer {
        await withCheckedContinuation { answer in
            origin.deliver(event, to: "app") { answer.resume(returning: $0) }
        }
    }

    func counters(_ lane: OriginLane) -> OriginCounters {
        origin.counters().first { $0.lane == lane } ?? OriginCounters(origin: "app", lane: lane)
    }

    static let connect = HookQuestion.connect(data: [], name: "", version: "", headers: [:])

    static let rpc = HookQuestion.rpc(method: "m", data: [])

    static let anybody = HookOutcome.granted(.connect(ConnectionClaims(), data: []))
}

func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }
