import Glibc
import PharosDomain
import Testing

@testable import PharosConfiguration

@Suite("Doctor")
struct DoctorTests {
    private static func healthy() -> SystemFacts {
        var facts = SystemFacts()
        facts.openFilesSoft = 1024
        facts.openFilesHard = 1_048_576
        facts.acceptBacklogLimit = 4096
        facts.ports = [.init(key: "http_server.port", address: "127.0.0.1", number: 8000, state: .free)]
        facts.now = 1_800_000_000
        facts.memoryTotal = 8 << 30
        facts.memoryAvailable = 4 << 30
        facts.cores = 4
        return facts
    }

    private func finding(_ subject: String, _ facts: SystemFacts, _ configuration: PharosConfiguration = .init())
        -> Doctor.Finding?
    {
        Doctor.examine(facts, configuration).first { $0.subject == subject }
    }

    @Test("a healthy machine has nothing to fix")
    func healthyMachine() {
        let findings = Doctor.examine(Self.healthy(), PharosConfiguration())
        #expect(findings.allSatisfy { $0.severity == .fine && $0.remedy.isEmpty })
        #expect(findings.count == 6)
    }

    @Test("too few open files for the wanted connections must be fixed")
    func openFiles() {
        var facts = Self.healthy()
        facts.openFilesHard = 20_000
        #expect(finding("open files", facts)?.severity == .advice)
        var configuration = PharosConfiguration()
        configuration.settings.client.connectionLimit = 50_000
        #expect(finding("open files", facts, configuration)?.severity == .broken)
        facts.openFilesHard = 256
        #expect(finding("open files", facts)?.severity == .broken)
    }

    @Test("a backlog that the kernel cuts is advice")
    func backlog() {
        var facts = Self.healthy()
        facts.acceptBacklogLimit = 128
        let found = finding("net.core.somaxconn", facts)
        #expect(found?.severity == .advice)
        #expect(found?.remedy.contains("sysctl -w net.core.somaxconn=4096") == true)
    }

    @Test("an origin that does not answer is advice, one that does is fine")
    func origins() {
        var facts = Self.healthy()
        facts.origins = [.init(name: "app", host: "127.0.0.1", port: 80, failure: nil)]
        #expect(finding("origin app", facts)?.severity == .fine)
        facts.origins[0].failure = "Connection refused"
        #expect(finding("origin app", facts)?.severity == .advice)
        #expect(finding("origin app", facts)?.message == "127.0.0.1 port 80: Connection refused")
    }

    @Test("events that would be lost with the process are advice")
    func events() {
        var configuration = PharosConfiguration()
        #expect(finding("events", Self.healthy(), configuration) == nil)
        configuration.settings.hooks.events = [.connected]
        #expect(finding("events", Self.healthy(), configuration)?.severity == .fine)
        configuration.settings.store.path = ""
        #expect(finding("events", Self.healthy(), configuration)?.severity == .advice)
    }

    @Test("the place of each origin is taken from its address")
    func placesOfOrigins() {
        var configuration = PharosConfiguration()
        configuration.settings.hooks.origins = [
            OriginSettings(name: "a", url: "https://app.example.com/hooks?x=1"),
            OriginSettings(name: "b", url: "http://[::1]:9000"), OriginSettings(name: "c", url: "http://127.0.0.1"),
        ]
        let places = Doctor.origins(of: configuration)
        #expect(places.map(\.host) == ["app.example.com", "::1", "127.0.0.1"])
        #expect(places.map(\.port) == [443, 9000, 80])
    }

    @Test("a taken port names who listens, and must be fixed")
    func takenPort() {
        var facts = Self.healthy()
        facts.ports[0].state = .taken(by: "nginx (pid 12)")
        let found = finding("http_server.port", facts)
        #expect(found?.severity == .broken)
        #expect(found?.message.contains("nginx (pid 12)") == true)
        facts.ports[0].state = .refused("Permission denied")
        facts.ports[0].number = 80
        #expect(finding("http_server.port", facts)?.remedy.contains("CAP_NET_BIND_SERVICE") == true)
    }

    @Test("a clock before the release, or one that runs backwards, must be fixed")
    func clock() {
        var facts = Self.healthy()
        facts.now = 0
        #expect(finding("clock", facts)?.severity == .broken)
        facts = Self.healthy()
        facts.isClockMonotonic = false
        #expect(finding("clock", facts)?.severity == .broken)
    }

    @Test("little memory and more shards than cores are advice")
    func memoryAndShards() {
        var facts = Self.healthy()
        facts.memoryLimit = 64 << 20
        #expect(finding("memory", facts)?.severity == .advice)
        var configuration = PharosConfiguration()
        configuration.settings.edge.shards = 8
        #expect(finding("edge.shards", facts, configuration)?.severity == .advice)
    }

    @Test("the number of shards is that of the usable processors, and it is said why it is not the machine's")
    func usableProcessors() {
        var facts = Self.healthy()
        #expect(finding("edge.shards", facts)?.message == "4 threads for usable processors: 4")
        facts.cores = 2
        facts.coresText = "2 of 8, by the control group's quota of 2"
        #expect(
            finding("edge.shards", facts)?.message
                == "2 threads for usable processors: 2 of 8, by the control group's quota of 2")
    }

    @Test("the port that another socket listens on is found taken, with this process as its owner")
    func realPort() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                bind(descriptor, name, size) | listen(descriptor, 1) | getsockname(descriptor, name, &size)
            }
        }
        try #require(result == 0)
        let port = Int(UInt16(bigEndian: address.sin_port))
        let facts = SystemFacts.read(ports: [(key: "http_server.port", address: "127.0.0.1", number: port)])
        guard case .taken(let owner) = facts.ports[0].state else {
            Issue.record("\(facts.ports[0].state)")
            return
        }
        #expect(owner?.contains("pid \(getpid())") == true)
        #expect(facts.openFilesHard > 0 && facts.now > 0 && facts.cores > 0)
    }

    @Test("who listens is found in a table of any length")
    func longTable() throws {
        let path = "/tmp/pharos-doctor-\(UInt64.random(in: .min ... .max))"
        defer { unlink(path) }
        let file = try #require(fopen(path, "w"))
        fputs("  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid\n", file)
        fputs("   0: 0100007F:1F40 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 1\n", file)
        for _ in 0..<60_000 {
            fputs("   1: 0100007F:1F40 0100007F:C3A2 06 00000000:00000000 03:000015F3 00000000 0 0 0 3\n", file)
        }
        fclose(file)
        #expect(PortProbe.listeningSockets(path, 8000) == ["socket:[4711]"])
        #expect(PortProbe.listeningSockets(path, 8001) == [])
    }

    @Test("the ports to look at are those of the configuration")
    func ports() throws {
        #expect(Doctor.ports(of: nil).isEmpty)
        let loaded = try load(
            "http_server: {tls: {enabled: true, cert_pem_file: /proc/self/stat, key_pem_file: /proc/self/stat}}")
        #expect(Doctor.ports(of: loaded.configuration).map(\.number) == [8000, 8443])
    }
}
