import PharosConfiguration
import Testing

/// Stories that are made of the table itself: each of its keys is tried.
@Suite("The table of Centrifugo's keys")
struct ImportTableTests {
    /// A value that asks for something, by the name and the type of its key; as TOML.
    private func sample(_ rule: ImportRule) -> String {
        let name = String(rule.key.split(separator: ".").last ?? "")
        if rule.key == "consumers" { return "[{name = 'a', enabled = true}]" }
        if rule.isWhole { return "{enabled = true, a = 1}" }
        switch ConfigurationSchema.keys.first(where: { $0.name == rule.key })?.type {
        case .bool: return "true"
        case .integer: return "7"
        case .duration: return "'7s'"
        case .list, .choices: return "['a']"
        case .choice(let words): return "'\(words.last ?? "")'"
        default: break
        }
        if rule.key == "broker.type" { return "'redis'" }
        if name == "endpoint" { return "'http://127.0.0.1:3000/'" }
        if name == "enabled" || name.hasSuffix("_enabled") { return "true" }
        return name.hasSuffix("headers") || name == "address" ? "['a']" : "'text'"
    }

    /// The settings without which a key asks for nothing.
    private func context(_ key: String) -> [(String, String)] {
        let address = "'http://127.0.0.1:3000/'"
        if key.hasPrefix("http_server.tls.") { return [("http_server.tls.enabled", "true")] }
        if key.hasPrefix("broker.") {
            let type = key.hasPrefix("broker.nats.") ? "'nats'" : "'redis'"
            return [("broker.enabled", "true"), ("broker.type", type)]
        }
        for base in ["client.proxy.connect", "client.proxy.refresh"] where key.hasPrefix(base + ".") {
            return [(base + ".enabled", "true"), (base + ".endpoint", address)]
        }
        for hook in ["subscribe", "publish", "sub_refresh"] {
            if key.hasPrefix("channel.proxy.\(hook).") || key.hasSuffix(".\(hook)_proxy_enabled") {
                return [
                    ("channel.proxy.\(hook).endpoint", address),
                    ("channel.without_namespace.\(hook)_proxy_enabled", "true"),
                ]
            }
        }
        if key.hasPrefix("rpc."), key != "rpc.ping" {
            return [("rpc.proxy.endpoint", address), ("rpc.without_namespace.proxy_enabled", "true")]
        }
        return []
    }

    /// One line for each key; the items of lists stand on one.
    private func document(_ pairs: [(key: String, value: String)]) -> String {
        var seen: Set<String> = []
        let pairs = pairs.filter { seen.insert($0.key).inserted }
        let items = pairs.filter { $0.key.contains("[].") }
        var lines = pairs.filter { !$0.key.contains("[].") }.map { "\($0.key) = \($0.value)" }
        if let first = items.first, let end = first.key.firstRange(of: "[].") {
            let fields = items.map { "\($0.key[end.upperBound...]) = \($0.value)" }
            let name = fields.contains { $0.hasPrefix("name = ") } ? [] : ["name = 'ab'"]
            lines.append("\(first.key[..<end.lowerBound]) = [{\((name + fields).joined(separator: ", "))}]")
        }
        return lines.joined(separator: "\n")
    }

    @Test("each key stands in the class of the report that the table says")
    func classes() throws {
        #expect(ImportTable.rules.count > 300)
        for rule in ImportTable.rules {
            // Stories of their own tell of these: they need lists whose items belong together.
            let apart = ["proxies[]", "rpc.namespaces[]", "proxy.", "granular", "client.connect_p", "client.refresh_p"]
            if apart.contains(where: { rule.key.hasPrefix($0) }) || rule.key.hasSuffix("proxy_name")
                || ["proxies", "rpc.namespaces"].contains(rule.key)
            {
                continue
            }
            var pairs = [(rule.key, sample(rule))]
            if let gate = rule.gate, !rule.isWhole { pairs.append((gate, "true")) }
            let outcome = try imported(toml: document(pairs + context(rule.key)))
            let wanted = rule.key.replacing("[]", with: "[0]")
            let found = outcome.report.lines.filter { $0.key == wanted }.map(\.outcome)
            #expect(found.contains(rule.outcome), "\(rule.key): \(found)\n\(outcome.report.text)")
        }
    }

    @Test("each name of version 5 leads to a key that the table or Pharos has")
    func flatNames() throws {
        #expect(FlatNames.targets.count > 250)
        for (name, target) in FlatNames.targets.sorted(by: { $0.key < $1.key }) {
            let value = ["namespaces", "rpc_namespaces"].contains(name) ? "[{name: ab}]" : "text"
            let report = try imported(yaml: "\(name): \(value)\n").report
            #expect(report.keys(.unknown) == [], "\(name) -> \(target)")
            #expect(report.lines.contains { $0.key.hasPrefix(name) }, "\(name) is not in the report:\n\(report.text)")
        }
    }

    @Test("no key stands twice, and every reason is a sentence's part")
    func wellFormed() {
        let keys = ImportTable.rules.map(\.key)
        #expect(Set(keys).count == keys.count, "\(keys.filter { key in keys.filter { $0 == key }.count > 1 })")
        for rule in ImportTable.rules {
            switch rule.fate {
            case .notNeeded(let text), .absent(let text): #expect(!text.isEmpty && !text.hasSuffix("."), "\(rule.key)")
            case .moved(let target), .translated(let target): #expect(!target.isEmpty)
            case .kept: break
            }
        }
    }

    @Test("defaults of Centrifugo ask for nothing that is missing")
    func defaults() throws {
        let outcome = try imported(
            yaml: """
                http_server: {address: "", port: 8000, internal_address: "", internal_port: "", tls_external: false,
                  tls: {enabled: false, cert_pem: "", key_pem: "", client_ca_pem: "", insecure_skip_verify: false},
                  tls_autocert: {enabled: false, host_whitelist: null, http_addr: ":80"}, http3: {enabled: false}}
                log: {level: info, file: ""}
                engine: {type: memory, redis: {address: ["redis://127.0.0.1:6379"], prefix: centrifugo, connect_timeout: 1s,
                  cluster_address: null, sentinel_address: null, sentinel_master_name: "", presence_ttl: 60s, db: 0,
                  tls: {enabled: false, cert_pem: ""}}}
                broker: {enabled: false, type: memory, redis: {address: ["redis://127.0.0.1:6379"]},
                  nats: {url: "nats://localhost:4222", prefix: centrifugo, raw_mode: {enabled: false, prefix: ""}}}
                presence_manager: {enabled: false, type: memory}
                client: {proxy: {connect: {enabled: false, endpoint: "", timeout: 1s, http: {static_headers: {}}}},
                  allowed_origins: null, concurrency: 0, ping_interval: 25s, pong_timeout: 8s}
                channel: {proxy: {subscribe: {endpoint: "", timeout: 1s}, subscribe_stream: {endpoint: "", timeout: 1s}},
                  without_namespace: {history_ttl: 0s, allowed_delta_types: null, subscribe_proxy_enabled: false,
                    subscribe_proxy_name: default, subscribe_stream_proxy_name: default, force_recovery_mode: ""},
                  namespaces: [], history_meta_ttl: 720h}
                rpc: {proxy: {endpoint: "", timeout: 1s}, without_namespace: {proxy_enabled: false, proxy_name: default},
                  namespaces: [], ping: {enabled: false, method: ping}, namespace_boundary: ":"}
                proxies: []
                http_api: {disabled: false, handler_prefix: /api, key: "", error_mode: "", external: false, insecure: false}
                grpc_api: {enabled: false, address: "", port: 10000, key: ""}
                consumers: []
                websocket: {disabled: false, handler_prefix: /connection/websocket, write_timeout: 1000ms, compression: false}
                uni_sse: {enabled: false, handler_prefix: /connection/uni_sse, max_request_body_size: 65536}
                admin: {enabled: false, handler_prefix: "", password: "", secret: ""}
                graphite: {enabled: false, host: localhost, port: 2003, prefix: centrifugo, interval: 10s}
                opentelemetry: {enabled: false, api: false}
                node: {name: "", info_metrics_aggregate_interval: 60s}
                pid_file: ""
                """)
        #expect(
            outcome.report.keys(.notThereYet) == [] && outcome.report.keys(.unknown) == [], "\(outcome.report.text)")
        #expect(outcome.report.status == 0, "\(outcome.report.text)")
        // The same document starts a server as it is, but for the address, which has to be said.
        #expect(problems(outcome.yaml) == [])
    }
}
