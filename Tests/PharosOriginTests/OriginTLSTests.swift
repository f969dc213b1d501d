import NIOCore
import NIOPosix
import PharosBytes
import PharosDomain
import PharosOrigin
import PharosTLS
import Testing

@Suite("Origins behind TLS")
struct OriginTLSTests {
    let certificates: Certificates

    init() throws { certificates = try Certificates.shared.get() }

    private static let granted: TestOrigin.Script = { _ in TestOrigin.json(#"{"result":{}}"#) }

    private func context(_ names: [String], days: Int = 2, identity: String = #function) throws -> TLSContext {
        try certificates.issue(identity, key: .ecdsa, names: names, days: days)
        return try TLSContext.server([certificates.identity(identity)], tickets: try TLSTicketKeys())
    }

    /// Asks an origin with this context once: what comes of it, and why not.
    private func ask(
        _ host: String, _ context: TLSContext, trusts authority: String? = nil
    ) async throws -> (outcome: HookOutcome, reason: String?) {
        let server = try await TestOrigin.start(on: MultiThreadedEventLoopGroup.singleton, tls: context, Self.granted)
        let reason = Locked<String?>(nil)
        var result = HookOutcome.unavailable
        try await OriginScene.run(
            server,
            {
                $0.url = "https://\(host):\(server.port)/hook"
                $0.certificateAuthority = authority ?? certificates.authority
            }
        ) { scene in
            result = await scene.ask(OriginScene.connect)
            for case .notSecured("app", let text) in scene.reports.withLock({ $0 }) { reason.withLock { $0 = text } }
            if result != .unavailable {
                // The connection is kept.
                for _ in 0..<3 { #expect(await scene.ask(OriginScene.connect) == OriginScene.anybody) }
                #expect(server.connectionCount == 1)
            } else if reason.withLock({ $0 }) != nil {
                #expect(scene.counters(.connect).errors == [.unreachable: 1])
                #expect(server.requests.isEmpty)
            }
        }
        try await server.stop()
        return (result, reason.withLock { $0 })
    }

    @Test("a trusted certificate for the host, by name or address", arguments: ["localhost", "127.0.0.1"])
    func trusted(host: String) async throws {
        let result = try await ask(host, try context(["localhost", "IP:127.0.0.1"], identity: "trusted-" + host))
        #expect(result.outcome == OriginScene.anybody)
        #expect(result.reason == nil)
    }

    @Test("the host's name is asked for, and chooses the certificate")
    func serverName() async throws {
        try certificates.issue("elsewhere", key: .rsa, names: ["elsewhere.example"])
        let both = try TLSContext.server(
            [certificates.identity("elsewhere"), certificates.identity("ecdsa")], tickets: try TLSTicketKeys())
        #expect(try await ask("localhost", both).outcome == OriginScene.anybody)
    }

    @Test("a certificate for another host is refused")
    func otherHost() async throws {
        let name = try await ask("localhost", try context(["elsewhere.example"], identity: "other-name"))
        #expect(name.outcome == .unavailable)
        #expect(name.reason == "hostname mismatch")
        // The name of the same host is not its address.
        let address = try await ask("127.0.0.1", try context(["localhost"], identity: "other-address"))
        #expect(address.outcome == .unavailable)
        #expect(address.reason == "IP address mismatch")
    }

    @Test("a certificate that has expired is refused")
    func expired() async throws {
        let result = try await ask("localhost", try context(["localhost"], days: -1))
        #expect(result.outcome == .unavailable)
        #expect(result.reason == "certificate has expired")
    }

    @Test("a certificate that vouches for itself is refused, unless it is the one that is trusted")
    func selfSigned() async throws {
        try certificates.openssl(
            [
                "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                "subjectAltName=DNS:localhost",
            ]
                + Certificates.Key.ecdsa.arguments
                + ["-keyout", certificates.path("own.key"), "-out", certificates.path("own.pem")])
        let context = try TLSContext.server([certificates.identity("own")], tickets: try TLSTicketKeys())
        let result = try await ask("localhost", context)
        #expect(result.outcome == .unavailable)
        #expect(result.reason == "self-signed certificate")
        #expect(
            try await ask("localhost", context, trusts: certificates.path("own.pem")).outcome == OriginScene.anybody)
    }

    @Test("the system's authorities are those that count when no others are named")
    func unknownAuthority() async throws {
        let result = try await ask("localhost", try context(["localhost"]), trusts: "")
        #expect(result.outcome == .unavailable)
        #expect(result.reason == "unable to get local issuer certificate")
    }

    @Test("whatever speaks no TLS gets no question")
    func plain() async throws {
        let received = Locked<[UInt8]>([])
        let listener = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(PlainServer(received))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let reports = Locked<[OriginReport]>([])
        var settings = OriginSettings(name: "app", url: "https://localhost:\(listener.localAddress?.port ?? 0)/hook")
        settings.timeout = 60
        let origin = try HTTPOrigin([settings], node: "n1", group: MultiThreadedEventLoopGroup.singleton) { report in
            reports.withLock { $0.append(report) }
        }
        let outcome = await withCheckedContinuation { answer in
            origin.ask(HookRequest(OriginScene.connect), of: "app") { answer.resume(returning: $0) }
        }
        #expect(outcome == .unavailable)
        #expect(
            reports.withLock { $0.contains(.notSecured(origin: "app", reason: "wrong version number")) },
            "\(reports.withLock { $0 })")
        #expect(!String(decoding: received.withLock { $0 }, as: UTF8.self).contains("hook"))
        await origin.shutdown()
        try await listener.close()
    }

    @Test("an answer without a length counts when TLS says that it is over, and not when it is cut off")
    func brokenEnd() async throws {
        let context = try context(["localhost"])
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"result\":{}}"
        for (reaction, isAnswer) in [
            (TestOrigin.Reaction.bytesThenClose(answer), true), (.bytesThenCut(answer), false),
        ] {
            let server = try await TestOrigin.start(on: MultiThreadedEventLoopGroup.singleton, tls: context) { _ in
                reaction
            }
            try await OriginScene.run(
                server,
                {
                    $0.url = "https://localhost:\(server.port)/hook"
                    $0.certificateAuthority = certificates.authority
                }
            ) { scene in
                #expect(await scene.ask(OriginScene.connect) == (isAnswer ? OriginScene.anybody : .unavailable))
                #expect(scene.counters(.connect).errors == (isAnswer ? [:] : [.closed: 1]))
            }
            try await server.stop()
        }
    }

    @Test("questions that are longer than a record arrive whole")
    func long() async throws {
        let server = try await TestOrigin.start(
            on: MultiThreadedEventLoopGroup.singleton, tls: try context(["localhost"]), Self.granted)
        try await OriginScene.run(
            server,
            {
                $0.url = "https://localhost:\(server.port)/hook"
                $0.certificateAuthority = certificates.authority
            }
        ) { scene in
            let data = utf8("\"" + String(repeating: "x", count: 100_000) + "\"")
            let question = HookQuestion.connect(data: data, name: "", version: "", headers: [:])
            #expect(await scene.ask(question) == OriginScene.anybody)
            #expect(server.requests[0].bodyText.contains(String(repeating: "x", count: 100_000)))
        }
        try await server.stop()
    }
}

/// Answers whatever comes with an HTTP error, without TLS.
private final class PlainServer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let received: Locked<[UInt8]>

    init(_ received: Locked<[UInt8]>) { self.received = received }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Array(unwrapInboundIn(data).readableBytesView)
        received.withLock { $0 += bytes }
        let answer = ByteBuffer(string: "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
        context.writeAndFlush(wrapOutboundOut(answer), promise: nil)
    }
}
