import CPharosSys
package import PharosDomain
import PharosMemory
package import PharosProtocol
package import PharosServices

/// A whole server in this process, on a port of the system's choice.
package final class TestServer: Sendable {
    package let group: ShardGroup
    package let verifier: FakeTokenVerifier

    package static let apiKey = "all-methods"
    package static let publishKey = "publish-only"

    package init(
        _ settings: ServerSettings, verifier: FakeTokenVerifier = FakeTokenVerifier(),
        durable: (any DurableStreams)? = nil, dialects: DialectTable = .standard,
        application: Application = Application(),
        responder: (any RequestResponder)? = nil,
        report: @escaping @Sendable (ServiceEvent) -> Void = { _ in }
    ) throws {
        self.verifier = verifier
        var settings = settings
        settings.edge.tls = TLSSettings(certificateFile: "", keyFile: "", port: 0)
        var stores = StreamStores.inMemory
        if let durable { stores.add(durable, named: StreamStores.diskName) }
        group = try ShardGroup(
            settings: settings, verifier: verifier, stores: stores, dialects: dialects, application: application,
            responder: responder, version: "pharos test", openFiles: 4_096, tls: TestCertificate.server,
            report: report)
    }

    // MARK: Connections

    package func link(_ kind: LinkKind) throws -> any ClientLink {
        switch kind {
        case .socket: try SocketLink(port: group.port)
        case .tls: try TLSLink(port: group.tlsPort ?? 0)
        }
    }

    package func client(
        _ kind: LinkKind, _ wire: WireFormat, query: String = "", headers: [(String, String)] = []
    ) throws -> TestClient {
        try TestClient(link(kind), wire: wire, query: query, headers: headers)
    }

    // MARK: Server API

    /// One call from inside the process; the body of its answer.
    @discardableResult
    package func call(_ method: String, _ body: String, key: String = TestServer.apiKey) async -> String {
        let response = await group.callAPI(
            method: method, query: "", headers: ["x-api-key": key], body: Array(body.utf8))
        return String(decoding: response.body, as: UTF8.self)
    }

    // MARK: End

    /// The counters once nothing of the clients is left.
    ///
    /// There is no connection, client, subscription, user or channel. When that does not come about, they are the
    /// counters as they are.
    package func emptied() async -> NodeCounters {
        let end = pharos_monotonic_ms() + Int64(guardMs)
        while true {
            let counters = await group.counters()
            let left =
                counters.currentConnections + counters.currentClients + counters.currentSubscriptions
                + counters.currentChannels + counters.currentUsers + counters.currentRawConnections
            if left == 0 || pharos_monotonic_ms() > end { return counters }
            await Task.yield()
        }
    }

    /// Ends the server and waits for its threads.
    package func stop() {
        group.beginShutdown(windowMs: 0)
        group.join()
    }
}
