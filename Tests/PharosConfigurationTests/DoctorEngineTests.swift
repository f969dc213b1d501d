import PharosDomain
import Testing

@testable import PharosConfiguration

/// The doctor's judgement of engines, from what was found out.
@Suite("doctor, engines")
struct DoctorEngineTests {
    private static let name = "redis://10.0.0.1:6379"

    private func redis(
        info: [String: String]? = ["redis_version": "7.0.15", "connected_slaves": "0"],
        parameters: [String: String]? = ["appendonly": "yes", "appendfsync": "everysec", "min-replicas-to-write": "0"],
        _ change: (inout RedisEngineOptions) -> Void = { _ in }
    ) -> [Doctor.Finding] {
        var settings = EngineSettings()
        settings.kind = .redis
        change(&settings.redis)
        var server = RedisFacts(name: Self.name)
        (server.info, server.parameters) = (info, parameters)
        var facts = EngineFacts(isReady: true, links: ["connected"])
        facts.redis = [server]
        return Doctor.engine(settings, facts)
    }

    private func told(_ findings: [Doctor.Finding], _ severity: Doctor.Severity) -> [String] {
        findings.filter { $0.severity == severity }.map { "\($0.subject): \($0.message)" }
    }

    @Test("a server that keeps what it acknowledges needs nothing")
    func fine() {
        let findings = redis()
        #expect(findings.allSatisfy { $0.severity == .fine && $0.remedy.isEmpty })
        #expect(told(findings, .fine).contains("\(Self.name): redis 7.0.15"))
    }

    @Test("versions")
    func versions() {
        #expect(told(redis(info: ["redis_version": "6.0.16"]), .broken) == ["\(Self.name): redis 6.0.16 is too old"])
        let valkey = redis(info: ["redis_version": "7.2.4", "valkey_version": "8.0.1"])
        #expect(told(valkey, .fine).contains("\(Self.name): valkey 8.0.1"))
    }

    @Test(
        "what a crash loses",
        arguments: [
            (["appendonly": "no", "save": ""], "nothing is written to the disk"),
            (["appendonly": "no", "save": "3600 1"], "only snapshots are written"),
            (["appendonly": "yes", "appendfsync": "no"], "appendfsync is no"),
            (["appendonly": "yes"], "how much a power failure loses cannot be told"),
        ])
    func persistence(parameters: [String: String], words: String) {
        let findings = redis(parameters: parameters).filter { $0.severity == .advice }
        #expect(findings.contains { $0.message.contains(words) && !$0.remedy.isEmpty })
    }

    @Test("what is hidden is said to be, and INFO tells what CONFIG does not")
    func hidden() {
        let neither = told(redis(info: nil, parameters: nil), .advice)
        #expect(neither.contains { $0.contains("INFO is hidden") })
        #expect(neither.contains { $0.contains("what a crash of the server loses cannot be told") })
        let snapshots = redis(info: ["redis_version": "7.0.15", "aof_enabled": "0"], parameters: nil)
        #expect(told(snapshots, .advice).contains { $0.contains("only snapshots are written") })
    }

    @Test("a durability that the server does not have must be fixed")
    func durability() {
        let aof = redis(parameters: ["appendonly": "no"]) { $0.durability = .aof }
        #expect(told(aof, .broken).contains { $0.contains("keeps no append-only file") })
        let replicated = redis { options in
            (options.durability, options.replicas) = (.replicated, 2)
        }
        #expect(told(replicated, .broken).contains { $0.contains("engine.redis.replicas is 2, and the master has 0") })
    }

    @Test("replicas")
    func replicas() {
        let info = ["redis_version": "7.0.15", "connected_slaves": "1"]
        let careless = redis(info: info)
        #expect(told(careless, .advice).contains { $0.contains("min-replicas-to-write is 0") })
        let careful = redis(info: info, parameters: ["appendonly": "yes", "min-replicas-to-write": "1"])
        #expect(!told(careful, .advice).contains { $0.contains("min-replicas-to-write") })
        let alone = redis(parameters: ["appendonly": "yes", "min-replicas-to-write": "1"])
        #expect(told(alone, .broken).contains { $0.contains("it takes no writes") })
    }

    @Test("memory that evicts, and disks that fail")
    func memory() {
        let evicting = redis(parameters: [
            "appendonly": "yes", "appendfsync": "always", "maxmemory": "100000000", "maxmemory-policy": "allkeys-lru",
        ])
        #expect(
            told(evicting, .advice) == [
                "\(Self.name) maxmemory-policy: allkeys-lru: when memory runs out, histories go away, and clients are told that "
                    + "they missed something"
            ])
        let failing = redis(info: ["redis_version": "7.0.15", "aof_last_write_status": "err"])
        #expect(told(failing, .broken).contains { $0.contains("could not write its append-only file") })
    }

    @Test("clocks that differ by more than a second")
    func clocks() {
        var settings = EngineSettings()
        settings.kind = .topic
        var facts = EngineFacts(isReady: true, links: ["connected"])
        facts.clocksAheadMs = ["a": 999, "b": 1_001, "c": -3_600_250]
        let findings = Doctor.engine(settings, facts).filter { $0.subject == "clock" }
        #expect(findings.map(\.severity) == [.fine, .advice, .advice])
        #expect(findings[1].message.contains("b is 1.0 s ahead of"))
        #expect(findings[2].message.contains("c is 3600.2 s behind"))
    }

    @Test("streams of NATS")
    func streams() {
        var settings = EngineSettings()
        settings.kind = .nats
        settings.nats.replicas = 3
        var facts = EngineFacts(isReady: true, links: ["connected"])
        var nats = NATSFacts()
        (nats.version, nats.cluster) = ("2.15.1", "east")
        nats.streams = [
            NATSFacts.Stream(name: "A", replicas: 3), NATSFacts.Stream(name: "B", replicas: 1),
            NATSFacts.Stream(name: "C", replicas: 3, objection: "another schema"),
        ]
        facts.nats = nats
        let findings = Doctor.engine(settings, facts)
        #expect(told(findings, .broken) == ["nats stream C: another schema"])
        #expect(findings.contains { $0.remedy == "nats stream edit B --replicas=3" })
        #expect(told(findings, .advice).contains { $0.hasPrefix("sync_interval: ") })
        settings.nats.replicas = 1
        #expect(told(Doctor.engine(settings, facts), .advice).contains { $0.hasPrefix("engine.nats.replicas: ") })
    }

    @Test("an engine that is not reached, and a server that may be anybody")
    func links() {
        var settings = EngineSettings()
        settings.kind = .nats
        (settings.nats.tls.enabled, settings.nats.tls.trustsAll) = (true, true)
        let findings = Doctor.engine(settings, EngineFacts(links: ["TLS: no"]))
        #expect(told(findings, .broken) == ["engine.type: nats is not reached: TLS: no"])
        #expect(told(findings, .advice).contains { $0.hasPrefix("engine.nats.tls.insecure_skip_verify: ") })
    }
}
