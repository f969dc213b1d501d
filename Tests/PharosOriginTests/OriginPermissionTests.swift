import NIOPosix
import PharosBytes
import PharosDomain
import PharosOrigin
import Testing

@Suite("Origins that want to be asked first")
struct OriginPermissionTests {
    @Test("webhooks are sent after the receiver has allowed them, which it is asked once")
    func granted() async throws {
        let script: TestOrigin.Script = { request in
            request.line.hasPrefix("OPTIONS")
                ? .bytes("HTTP/1.1 200 OK\r\nWebHook-Allowed-Origin: N1\r\ncontent-length: 0\r\n\r\n")
                : TestOrigin.json(#"{"result":{}}"#)
        }
        try await OriginScene.run({ $0.asksPermission = true }, script: script) { scene in
            await withTaskGroup(of: HookOutcome.self) { group in
                for _ in 0..<5 { group.addTask { await scene.ask(OriginScene.connect) } }
                for await outcome in group { #expect(outcome == OriginScene.anybody) }
            }
            let requests = scene.server.requests
            #expect(requests.count == 6)
            #expect(requests[0].line == "OPTIONS /hook?a=1 HTTP/1.1")
            #expect(requests[0].fields["webhook-request-origin"] == "n1")
            #expect(requests.dropFirst().allSatisfy { $0.line.hasPrefix("POST") })
        }
    }

    @Test(
        "a receiver that does not allow webhooks gets none",
        arguments: ["405 X\r\n", "200 OK\r\n", "200 OK\r\nwebhook-allowed-origin: other\r\n"])
    func refused(answer: String) async throws {
        let script: TestOrigin.Script = { _ in .bytes("HTTP/1.1 \(answer)content-length: 0\r\n\r\n") }
        try await OriginScene.run({ $0.asksPermission = true }, script: script) { scene in
            for _ in 0..<3 { #expect(await scene.ask(OriginScene.connect) == .unavailable) }
            // Asked again after ten seconds, which is not long on a busy machine.
            #expect(Set(scene.server.requests.map(\.line)) == ["OPTIONS /hook?a=1 HTTP/1.1"])
            #expect(scene.counters(.connect).errors == [.notPermitted: 3])
            #expect(scene.reports.withLock { $0.contains(.permissionRefused(origin: "app")) })
        }
    }

    @Test("settings that cannot work are refused at once")
    func settings() {
        let group = MultiThreadedEventLoopGroup.singleton
        #expect(throws: (any Error).self) {
            try HTTPOrigin([OriginSettings(name: "app", url: "app")], node: "n", group: group)
        }
        var settings = OriginSettings(name: "app", url: "https://app")
        settings.certificateAuthority = "/does/not/exist"
        #expect(throws: (any Error).self) { try HTTPOrigin([settings], node: "n", group: group) }
    }
}
