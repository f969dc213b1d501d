import Foundation
import Hummingbird
import Logging
import NIOCore
import NIOPosix
import NIOSSL
import PharosAPI
import PharosDomain
import PharosEdge
import PharosTransports
import Synchronization
import Testing

@Suite struct TLSListenerTests {
    private let certificate: TemporaryCertificate
    private let backend = FakeBackend()
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    init() throws {
        certificate = try TemporaryCertificate()
    }

    private func withListener(
        connectionLimit: Int = 100, _ body: (TLSListener, _ port: Int) async throws -> Void
    ) async throws {
        let routes = APIRoutes(
            configuration: APIRoutes.Configuration(), backend: backend, registry: PrometheusRegistry())
        let http = HTTPService(responder: routes.router().buildResponder(), logger: logger)
        var edge = EdgeSettings()
        edge.headSizeLimit = 1_024
        // Where everything else is being tested at the same time, a handshake may take its time.
        edge.headTimeout = 120
        for attempt in 0... {
            let settings = TLSSettings(
                certificateFile: certificate.certificateFile, keyFile: certificate.keyFile, port: FreePort.candidate())
            let listener = try TLSListener(
                settings: settings, edge: edge, backend: backend, group: MultiThreadedEventLoopGroup.singleton,
                connectionLimit: connectionLimit, logger: logger, serve: { http.serve($0) })
            do {
                let port = try await listener.start(checkInterval: .seconds(3_600))
                try await body(listener, port)
                await listener.shutdown(gracePeriod: .zero)
                return
            } catch let error as TLSListenerError where error.code == .port && attempt < 20 {
                continue
            }
        }
    }

    private func client(port: Int) async throws -> RawClient {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .file(certificate.certificateFile)
        configuration.applicationProtocols = ["http/1.1"]
        return try await RawClient.connect(port: port, tls: NIOSSLContext(configuration: configuration))
    }

    private let upgrade = "GET /connection/websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n"

    @Test("an upgrade over TLS reaches the shard byte for byte, and so do the answers")
    func echo() async throws {
        try await withListener { _, port in
            let client = try await client(port: port)
            for byte in upgrade.utf8 { try await client.send([byte]) }
            #expect(await client.receive(count: upgrade.utf8.count) == Array(upgrade.utf8))
            let block = [UInt8](repeating: 7, count: 300_000)
            try await client.send(block)
            #expect(await client.receive(count: block.count) == block)
            let source = try #require(backend.state.withLock { $0.opened.first })
            #expect(source.peer == "127.0.0.1")
            await client.close()
            await source.waitUntilClosed()
        }
    }

    @Test("what the shard wrote before it closed arrives before the end")
    func close() async throws {
        try await withListener { _, port in
            let client = try await client(port: port)
            try await client.send(upgrade + "bye!")
            #expect(await client.receiveAll() == Array((upgrade + "bye!").utf8))
            let source = try #require(backend.state.withLock { $0.opened.first })
            #expect(source.sink.unsentBytes == 0)
            await client.close()
        }
    }

    @Test("requests for HTTP are answered by HTTP, also when the body comes later")
    func http() async throws {
        try await withListener { _, port in
            let client = try await client(port: port)
            #expect(try await client.request("GET", "/health")?.text == "{}")
            try await client.send("POST /api/info HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n")
            try await client.send("{}")
            #expect(await client.answer()?.text == #"{"result":{}}"#)
            #expect(backend.state.withLock { $0.opened.isEmpty })
            await client.close()
        }
    }

    @Test("a request that the shard hands over is answered by HTTP without losing a byte")
    func handOver() async throws {
        backend.state.withLock { $0.handsOver = true }
        try await withListener { _, port in
            let client = try await client(port: port)
            let request = "POST /connection/nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n"
            try await client.send(request)
            try await client.send("{}GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(await client.answer()?.status == 404)
            #expect(await client.answer()?.text == "{}")
            await client.close()
        }
    }

    @Test("a new certificate is used for the next connection, without a restart")
    func reload() async throws {
        try await withListener { listener, port in
            let first = try await serial(port: port)
            try certificate.renew()
            try listener.reload()
            let second = try await serial(port: port)
            #expect(first != second)
            try Data("nonsense".utf8).write(to: URL(fileURLWithPath: certificate.certificateFile))
            #expect(throws: TLSListenerError.self) { try listener.reload() }
        }
    }

    private func serial(port: Int) async throws -> [UInt8] {
        let client = try await client(port: port)
        #expect(try await client.request("GET", "/health")?.status == 200)
        let peer = try await client.channel.nioSSL_peerCertificate().get()
        await client.close()
        return try #require(peer).serialNumber
    }

    @Test("changed files are noticed; a bad pair is not used")
    func changedFiles() throws {
        let settings = TLSSettings(
            certificateFile: certificate.certificateFile, keyFile: certificate.keyFile, port: 0)
        let store = try CertificateStore(settings: settings, logger: logger)
        let first = store.context
        store.reloadIfChanged()
        #expect(store.context === first)
        try certificate.renew()
        store.reloadIfChanged()
        let second = store.context
        #expect(second !== first)
        let other = try TemporaryCertificate()
        let key = try Data(contentsOf: URL(fileURLWithPath: other.keyFile))
        try key.write(to: URL(fileURLWithPath: certificate.keyFile), options: .atomic)
        store.reloadIfChanged()
        #expect(store.context === second)
        #expect(throws: TLSListenerError.self) { try store.reload() }
        try certificate.renew()
        store.reloadIfChanged()
        #expect(store.context !== second)
    }

    @Test("GE-18: a certificate that cannot be read is an error that names the option")
    func missingFile() throws {
        let settings = TLSSettings(certificateFile: "/nowhere/c.pem", keyFile: certificate.keyFile, port: 0)
        let error = #expect(throws: TLSListenerError.self) {
            _ = try CertificateStore(settings: settings, logger: logger)
        }
        #expect(error?.description.hasPrefix("http_server.tls.cert_pem_file:") == true)
        let swapped = TLSSettings(
            certificateFile: certificate.certificateFile, keyFile: "/nowhere/k.pem", port: 0)
        let second = #expect(throws: TLSListenerError.self) {
            _ = try CertificateStore(settings: swapped, logger: logger)
        }
        #expect(second?.description.hasPrefix("http_server.tls.key_pem_file:") == true)
    }

    @Test("connections over the limit are closed and counted")
    func limit() async throws {
        try await withListener(connectionLimit: 1) { listener, port in
            let first = try await client(port: port)
            #expect(try await first.request("GET", "/health")?.status == 200)
            let second = try await client(port: port)
            #expect(await second.receiveAll().isEmpty)
            #expect(listener.refusedCount == 1)
            await first.close()
        }
    }

    @Test("a shutdown closes what is left when its grace period is over")
    func shutdown() async throws {
        try await withListener { listener, port in
            let client = try await client(port: port)
            try await client.send(upgrade)
            #expect(await client.receive(count: upgrade.utf8.count).count == upgrade.utf8.count)
            await listener.shutdown(gracePeriod: .zero)
            #expect(await client.receiveAll().isEmpty)
            #expect(listener.connectionCount == 0)
            await #expect(throws: (any Error).self) { _ = try await self.client(port: port) }
        }
    }
}
