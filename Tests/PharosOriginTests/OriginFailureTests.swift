import Glibc
import NIOPosix
import PharosBytes
import PharosDomain
import PharosOrigin
import Testing

@Suite("Origins that fail")
struct OriginFailureTests {
    private static let ok = TestOrigin.json(#"{"result":{}}"#)

    /// A port that refuses connections: bound, and not listened on.
    ///
    /// No other test can be given it.
    private static func refusingPort() throws -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(isBound)
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    @Test("an origin that is down gives a temporary error and counts as unreachable")
    func down() async throws {
        let (descriptor, port) = try OriginFailureTests.refusingPort()
        defer { close(descriptor) }
        try await OriginScene.run({ $0.url = "http://127.0.0.1:\(port)/" }, script: { _ in .silence }) { scene in
            #expect(await scene.ask(OriginScene.connect) == .unavailable)
            let counters = scene.counters(.connect)
            #expect((counters.errors, counters.inFlight) == ([.unreachable: 1], 0))
            let reports = scene.reports.withLock { $0 }
            #expect(reports.count == 1)
            guard case .failed("app", .connect, .unreachable, status: nil, _)? = reports.first else {
                Issue.record("\(reports)")
                return
            }
        }
    }

    @Test("an origin that does not answer in time, and one that has no connection free, cost no more than the timeout")
    func slow() async throws {
        try await OriginScene.run(
            {
                $0.timeout = 0.05
                $0.concurrency = 1
            }, script: { _ in .silence }
        ) { scene in
            await withTaskGroup(of: HookOutcome.self) { group in
                for _ in 0..<5 { group.addTask { await scene.ask(OriginScene.connect) } }
                for await outcome in group { #expect(outcome == .unavailable) }
            }
            let counters = scene.counters(.connect)
            #expect((counters.errors, counters.inFlight) == ([.timeout: 5], 0))
        }
    }

    @Test("a late answer is nobody's, and the next question gets its own on another connection")
    func late() async throws {
        let begunOn = Locked<Int?>(nil)
        let answeredOn = Locked<[Int]>([])
        try await OriginScene.run(
            { $0.timeout = 0.2 },
            script: { request in
                let isFirst = begunOn.withLock { connection in
                    defer { connection = connection ?? request.connection }
                    return connection == nil
                }
                if isFirst { return .bytes("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{") }
                answeredOn.withLock { $0.append(request.connection) }
                return OriginFailureTests.ok
            }
        ) { scene in
            #expect(await scene.ask(OriginScene.connect) == .unavailable)
            var outcome = HookOutcome.unavailable
            // On a busy machine a question may be late by itself.
            for _ in 0..<50 where outcome == .unavailable { outcome = await scene.ask(OriginScene.connect) }
            #expect(outcome == OriginScene.anybody)
            let begun = try #require(begunOn.withLock { $0 })
            #expect(!answeredOn.withLock { $0 }.contains(begun))
        }
    }

    @Test(
        "answers that are none give a temporary error",
        arguments: [
            ("HTTP/1.1 500 X\r\ncontent-length: 0\r\n\r\n", .status),
            ("HTTP/1.1 302 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", .status),
            ("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>", .nonsense),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", .nonsense),
            ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", .nonsense),
            ("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 13\r\n\r\n{\"result\":{}}", .nonsense),
            ("SSH-2.0-OpenSSH_9.6\r\n\r\n", .nonsense),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2000\r\n\r\n", .tooLarge),
        ] as [(String, OriginFailure)])
    func nonsense(answer: String, failure: OriginFailure) async throws {
        try await OriginScene.run({ $0.answerLimit = 1_000 }, script: { _ in .bytes(answer) }) { scene in
            #expect(await scene.ask(OriginScene.connect) == .unavailable)
            let counters = scene.counters(.connect)
            #expect((counters.errors, counters.inFlight) == ([failure: 1], 0))
            #expect(scene.server.requests.count == 1)
        }
    }

    @Test(
        "a question whose connection ends before the answer is complete is not asked again",
        arguments: ["", "HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"res", "HTTP/1.1 20"])
    func closed(part: String) async throws {
        try await OriginScene.run({ $0.retries = 3 }, script: { _ in .bytesThenClose(part) }) { scene in
            #expect(await scene.ask(OriginScene.connect) == .unavailable)
            #expect(scene.counters(.connect).errors == [.closed: 1])
            #expect(scene.server.requests.count == 1)
        }
    }

    @Test("an answer may end with its connection")
    func untilEnd() async throws {
        let answer = "HTTP/1.0 200 OK\r\n\r\n{\"result\":{}}"
        try await OriginScene.run(script: { _ in .bytesThenClose(answer) }) { scene in
            #expect(await scene.ask(OriginScene.connect) == OriginScene.anybody)
            #expect(await scene.ask(OriginScene.connect) == OriginScene.anybody)
            #expect(scene.server.connectionCount == 2)
        }
    }

    @Test("a kept connection that turns out to be closed costs no question")
    func stale() async throws {
        let script: TestOrigin.Script = { $0.place == 1 ? OriginFailureTests.ok : .close }
        try await OriginScene.run(script: script) { scene in
            for _ in 0..<10 { #expect(await scene.ask(OriginScene.connect) == OriginScene.anybody) }
            #expect(scene.counters(.connect).errors == [:])
        }
        try await OriginScene.run({ $0.retries = 0 }, script: script) { scene in
            #expect(await scene.ask(OriginScene.connect) == OriginScene.anybody)
            #expect(await scene.ask(OriginScene.connect) == .unavailable)
        }
    }

    @Test("after failures in a row nobody is asked, and then one question finds out")
    func breaker() async throws {
        let isDown = Locked(true)
        try await OriginScene.run(
            {
                $0.breakerFailures = 3
                $0.breakerPause = 0.3
            }, script: { _ in isDown.withLock { $0 } ? .close : OriginFailureTests.ok }
        ) { scene in
            for _ in 0..<3 { #expect(await scene.ask(OriginScene.connect) == .unavailable) }
            #expect(scene.counters(.connect).isBreakerOpen)
            // Other questions have a breaker of their own.
            #expect(await scene.ask(OriginScene.rpc) == .unavailable)
            #expect(!scene.counters(.rpc).isBreakerOpen)
            isDown.withLock { $0 = false }
            var outcome = HookOutcome.unavailable
            while outcome == .unavailable { outcome = await scene.ask(OriginScene.connect) }
            #expect(outcome == OriginScene.anybody)
            let counters = scene.counters(.connect)
            #expect(!counters.isBreakerOpen)
            #expect(scene.server.requests.count < 3 + 1 + 10)
            let changes = scene.reports.withLock { reports in
                reports.filter {
                    $0 == .breakerOpened(origin: "app", .connect) || $0 == .breakerClosed(origin: "app", .connect)
                }
            }
            #expect(changes == [.breakerOpened(origin: "app", .connect), .breakerClosed(origin: "app", .connect)])
        }
    }

    @Test("bad answers do not open the breaker, since one client could provoke them for all")
    func badAnswers() async throws {
        try await OriginScene.run(
            { $0.breakerFailures = 2 }, script: { _ in TestOrigin.json("{}", status: "500 X") }
        ) { scene in
            for _ in 0..<5 { _ = await scene.ask(OriginScene.connect) }
            #expect(scene.counters(.connect).errors == [.status: 5])
        }
    }

    @Test("what waits for an origin is limited")
    func overloaded() async throws {
        try await OriginScene.run({ $0.concurrency = 1 }, script: { _ in .silence }) { scene in
            let data = [UInt8](repeating: UInt8(ascii: "1"), count: 1_048_576)
            let answered = Locked(0)
            for _ in 0..<80 {
                scene.origin.ask(HookRequest(.message(data: data)), of: "app") { outcome in
                    #expect(outcome == .unavailable)
                    answered.withLock { $0 += 1 }
                }
            }
            await scene.origin.shutdown()
            #expect(answered.withLock { $0 } == 80)
            let counters = scene.counters(.message)
            #expect((counters.errors[.overloaded] ?? 0) >= 80 - 65)
            #expect(counters.inFlight == 0)
        }
    }

    @Test("shutting down answers everything that is open, and what comes later")
    func shutdown() async throws {
        try await OriginScene.run({ $0.concurrency = 2 }, script: { _ in .silence }) { scene in
            let answered = Locked(0)
            for _ in 0..<5 {
                scene.origin.ask(HookRequest(OriginScene.connect), of: "app") { outcome in
                    #expect(outcome == .unavailable)
                    answered.withLock { $0 += 1 }
                }
            }
            await scene.origin.shutdown()
            #expect(answered.withLock { $0 } == 5)
            #expect(await scene.ask(OriginScene.connect) == .unavailable)
            #expect(scene.counters(.connect).errors == [.shutdown: 6])
        }
    }

    @Test("an origin that does not exist is never available")
    func unknown() async throws {
        try await OriginScene.run(script: { _ in OriginFailureTests.ok }) { scene in
            #expect(await scene.ask(OriginScene.connect, of: "other") == .unavailable)
            #expect(await scene.origin.send([], to: "other") == false)
        }
    }

    @Test("an origin that is killed again and again loses and doubles no answer")
    func restarts() async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        var server = try await TestOrigin.start(on: group) { _ in OriginFailureTests.ok }
        let port = server.port
        try await OriginScene.run(server, { $0.breakerFailures = 0 }) { scene in
            let answers = Locked<[Int]>(Array(repeating: 0, count: 500))
            for round in 0..<10 {
                for index in (round * 50)..<(round * 50 + 50) {
                    scene.origin.ask(HookRequest(OriginScene.connect), of: "app") { _ in
                        answers.withLock { $0[index] += 1 }
                    }
                }
                _ = await scene.ask(OriginScene.connect)
                try await server.stop()
                _ = await scene.ask(OriginScene.connect)
                server = try await TestOrigin.start(on: group, port: port) { _ in OriginFailureTests.ok }
            }
            #expect(await scene.ask(OriginScene.connect) == OriginScene.anybody)
            await scene.origin.shutdown()
            #expect(answers.withLock { $0.allSatisfy { $0 == 1 } })
            #expect(scene.counters(.connect).inFlight == 0)
        }
        try await server.stop()
    }
}
