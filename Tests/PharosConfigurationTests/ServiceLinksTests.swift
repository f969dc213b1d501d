import PharosConfiguration
import PharosDomain
import Testing

@Suite("Service links")
struct ServiceLinksTests {
    /// The variables that Kubernetes sets for a Service, in capitals.
    static func links(_ service: String, host: String = "10.96.7.1", proto: String = "tcp") -> [String: String] {
        let (upper, place) = (proto.uppercased(), host.contains(":") ? "[\(host)]" : host)
        return [
            "\(service)_SERVICE_HOST": host, "\(service)_SERVICE_PORT": "8000", "\(service)_SERVICE_PORT_HTTP": "8000",
            "\(service)_PORT": "\(proto)://\(place):8000", "\(service)_PORT_8000_\(upper)": "\(proto)://\(place):8000",
            "\(service)_PORT_8000_\(upper)_PROTO": proto, "\(service)_PORT_8000_\(upper)_PORT": "8000",
            "\(service)_PORT_8000_\(upper)_ADDR": host,
        ]
    }

    @Test(
        "the variables of any Service are passed over, and said",
        arguments: [
            "PHAROS", "PHAROS_HTTP", "PHAROS_HTTP_SERVER", "PHAROS_CLIENT", "PHAROS_HTTP_SERVER_TLS", "PHAROS_CONFIG",
            "PHAROS_ORIGIN_APP",
        ])
    func passedOver(service: String) throws {
        for environment in [
            Self.links(service), Self.links(service, host: "fd00::7"), Self.links(service, proto: "udp"),
            Self.links(service, proto: "sctp"),
        ] {
            let loaded = try load(environment: environment)
            #expect(loaded.configuration == PharosConfiguration())
            #expect(loaded.origins.isEmpty)
            #expect(loaded.passedOver.count == 1)
            let name = service.lowercased().replacing("_", with: "-")
            #expect(loaded.passedOver[0].contains("Service called \(name);"), "\(loaded.passedOver)")
            #expect(loaded.notices.first == loaded.passedOver[0])
        }
    }

    @Test("each of them is known alone, but for a number, which needs another beside it")
    func alone() {
        for (name, value) in Self.links("PHAROS_HTTP") {
            let isNumber = name.contains("_SERVICE_PORT")
            #expect(problems(environment: [name: value]).count == (isNumber ? 1 : 0), "\(name)")
            let beside = [name: value].merging(["PHAROS_HTTP_PORT": "tcp://10.0.0.1:80"]) { $1 }
            #expect(problems(environment: beside) == [], "\(name)")
        }
    }

    @Test("two Services are two notices, and a setting beside them counts")
    func beside() throws {
        var environment = Self.links("PHAROS").merging(Self.links("PHAROS_HTTP_SERVER")) { $1 }
        environment["PHAROS_HTTP_SERVER_ADDRESS"] = "127.0.0.2"
        let loaded = try load(environment: environment)
        #expect(loaded.passedOver.count == 2)
        #expect(loaded.configuration.settings.edge.address == "127.0.0.2")
        #expect(loaded.configuration.settings.edge.port == 8000)
    }

    @Test(
        "mistakes that look alike stay errors",
        arguments: [
            ("PHAROS_PORT", "9000"), ("PHAROS_HTTP_PORT", "9000"), ("PHAROS_HTTP_PORT", "http://10.0.0.1:80"),
            ("PHAROS_HTTP_SERVER_PROT", "9000"), ("PHAROS_HTTP_SERVICE_PORT", "9000"),
            ("PHAROS_SERVICE_HOST", "localhost"),
            ("PHAROS_HTTP_SERVER_PORT", "tcp://example.com:80"), ("PHAROS_HTTP_SERVER_PORT", "tcp://10.0.0.1"),
            ("PHAROS_X_PORT_80_TCP_ADDR", "host"), ("PHAROS_X_PORT_80_TCP_PORT", "81"),
            ("PHAROS_X_PORT_80_TCP_PROTO", "udp"),
            ("PHAROS_X_TCP", "tcp://10.0.0.1:80"),
        ])
    func mistakes(name: String, value: String) {
        let found = problems(environment: [name: value])
        #expect(found.count == 1 && found[0].contains(name), "\(found)")
    }

    @Test("a configuration with problems tells of what was passed over too, and how the log was to be")
    func withProblems() {
        var environment = Self.links("PHAROS_HTTP")
        environment["PHAROS_LOG_FORMAT"] = "json"
        environment["PHAROS_NODE_NAME"] = ""
        do throws(ConfigurationError) {
            _ = try load(environment: environment)
            Issue.record("it loads")
        } catch {
            #expect(error.problems.map(\.key) == ["node.name"])
            #expect(error.notices.count == 1)
            #expect(error.log.format == .json)
        }
    }
}
