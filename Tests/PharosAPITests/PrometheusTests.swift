import Metrics
import PharosAPI
import PharosDomain
import PharosServices
import Synchronization
import Testing

@Suite struct PrometheusTests {
    @Test("all kinds of metrics are written as Prometheus reads them")
    func golden() {
        let registry = PrometheusRegistry()
        registry.describe("requests", "How many\nrequests \\ came.")
        Counter(label: "requests", dimensions: [("path", "a\"b\\c\nd"), ("code", "200")], factory: registry)
            .increment(by: 3)
        Counter(label: "requests", dimensions: [("code", "200"), ("path", "a\"b\\c\nd")], factory: registry)
            .increment()
        Counter(label: "requests", dimensions: [("code", "404"), ("path", "x")], factory: registry).increment()
        FloatingPointCounter(label: "seconds.used", factory: registry).increment(by: 1.5)
        Gauge(label: "9lives", factory: registry).record(7)
        Meter(label: "level", factory: registry).set(0.25)
        Timer(label: "time", factory: registry).recordNanoseconds(2_000_000)
        Recorder(label: "size", dimensions: [("le", "x")], factory: registry).record(5)
        #expect(
            registry.text() == """
                # HELP _9lives _9lives
                # TYPE _9lives gauge
                _9lives 7
                # HELP level level
                # TYPE level gauge
                level 0.25
                # HELP requests How many\\nrequests \\\\ came.
                # TYPE requests counter
                requests{code="200",path="a\\"b\\\\c\\nd"} 4
                requests{code="404",path="x"} 1
                # HELP seconds_used seconds_used
                # TYPE seconds_used counter
                seconds_used 1.5
                # HELP size size
                # TYPE size histogram
                size_bucket{label_le="x",le="1"} 0
                size_bucket{label_le="x",le="4"} 0
                size_bucket{label_le="x",le="16"} 1
                size_bucket{label_le="x",le="64"} 1
                size_bucket{label_le="x",le="256"} 1
                size_bucket{label_le="x",le="1024"} 1
                size_bucket{label_le="x",le="4096"} 1
                size_bucket{label_le="x",le="16384"} 1
                size_bucket{label_le="x",le="65536"} 1
                size_bucket{label_le="x",le="262144"} 1
                size_bucket{label_le="x",le="1048576"} 1
                size_bucket{label_le="x",le="+Inf"} 1
                size_sum{label_le="x"} 5
                size_count{label_le="x"} 1
                # HELP time time
                # TYPE time histogram
                time_bucket{le="0.0005"} 0
                time_bucket{le="0.001"} 0
                time_bucket{le="0.0025"} 1
                time_bucket{le="0.005"} 1
                time_bucket{le="0.01"} 1
                time_bucket{le="0.025"} 1
                time_bucket{le="0.05"} 1
                time_bucket{le="0.1"} 1
                time_bucket{le="0.25"} 1
                time_bucket{le="0.5"} 1
                time_bucket{le="1"} 1
                time_bucket{le="2.5"} 1
                time_bucket{le="5"} 1
                time_bucket{le="10"} 1
                time_bucket{le="+Inf"} 1
                time_sum 0.002
                time_count 1

                """)
    }

    @Test("more label values than the limit share one series, more names share one metric")
    func limits() {
        let registry = PrometheusRegistry(familyLimit: 2, seriesLimit: 3)
        for number in 0..<10 {
            Counter(label: "many", dimensions: [("id", "\(number)")], factory: registry).increment()
        }
        for number in 0..<10 {
            Counter(label: "name\(number)", factory: registry).increment()
        }
        let lines = registry.text().split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(
            lines == [
                #"many{id="0"} 1"#, #"many{id="1"} 1"#, #"many{id="2"} 1"#, #"many{id="overflow"} 7"#,
                "metrics_overflow_total 9", "name0 1",
            ])
    }

    @Test("one name with two types becomes two metrics, and a destroyed series is gone")
    func types() {
        let registry = PrometheusRegistry()
        let counter = Counter(label: "x", factory: registry)
        counter.increment()
        Gauge(label: "x", factory: registry).record(2)
        #expect(registry.text().contains("x 1\n"))
        #expect(registry.text().contains("# TYPE x_gauge gauge\nx_gauge 2\n"))
        counter.destroy()
        #expect(!registry.text().contains("x 1\n"))
    }

    @Test("the node's counters appear under their names, with labels from closed sets")
    func node() {
        let registry = PrometheusRegistry()
        let metrics = NodeMetrics(factory: registry, version: "1.2.3", describe: registry.describe)
        var node = NodeCounters()
        node.currentClients = 5
        node.connectionsAccepted = 7
        node.messagesSent = 100
        node.replyErrors = [103: 2, 100: 1, 1_234: 3, 999: 1]
        node.disconnects = [3_000: 4]
        node.apiErrors = [107: 6]
        node.commands = ["connect": 5, "nonsense": 1]
        node.clientNames = ["js": 3, "unregistered": 2]
        metrics.update(node, transports: TransportCounters())
        node.connectionsAccepted = 9
        node.clientNames = ["unregistered": 2]
        metrics.update(node, transports: TransportCounters())
        var older = node
        older.connectionsAccepted = 8
        metrics.update(older, transports: TransportCounters())
        let text = registry.text()
        for line in [
            #"pharos_node_build{version="1.2.3"} 1"#, "pharos_node_num_clients 5",
            "pharos_client_connections_accepted_total 9", "pharos_transport_messages_sent_total 100",
            #"pharos_client_reply_errors_total{code="103"} 2"#, #"pharos_client_reply_errors_total{code="other"} 4"#,
            #"pharos_client_server_disconnects_total{code="3000"} 4"#,
            #"pharos_api_command_errors_total{code="107"} 6"#,
            #"pharos_client_commands_total{method="connect"} 5"#, #"pharos_client_commands_total{method="other"} 1"#,
            #"pharos_client_num_by_name{name="js"} 0"#, #"pharos_client_num_by_name{name="unregistered"} 2"#,
            "# TYPE pharos_node_num_clients gauge", "# TYPE pharos_client_connections_accepted_total counter",
            "# HELP pharos_node_num_clients Clients that are connected.",
        ] {
            #expect(text.contains(line + "\n"), "\(line)")
        }
        #expect(!text.contains("1234"))
    }

    @Test("/metrics shows the node")
    func route() async throws {
        let server = try RoutesServer()
        server.backend.state.withLock { $0.counters.currentClients = 42 }
        let client = try await server.client()
        let answer = try #require(try await client.request("GET", "/metrics"))
        #expect(answer.status == 200)
        #expect(answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8")
        #expect(answer.text.contains("pharos_node_num_clients 42\n"))
        await client.close()
    }
}
