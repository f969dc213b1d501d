import Foundation
import Glibc
import PharosDomain
import Testing

@testable import PharosConfiguration

@Suite("Doctor: the store")
struct DoctorStoreTests {
    private static let databases = [StoreProbe.streams, StoreProbe.events]

    private func folder(_ body: (String) throws -> Void) throws {
        let path = NSTemporaryDirectory() + "pharos-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try! FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    private func finding(_ store: SystemFacts.Store, ports: [SystemFacts.Port] = []) -> Doctor.Finding? {
        var facts = SystemFacts()
        facts.store = store
        facts.ports = ports
        return Doctor.examine(facts, nil).first { $0.subject == "store.path" }
    }

    @Test("the directory is looked at only where a configuration opens it")
    func needed() {
        var configuration = PharosConfiguration()
        #expect(Doctor.store(of: configuration) == nil)
        configuration.settings.channel.withoutNamespace.historySize = 9
        configuration.settings.channel.withoutNamespace.historyTTL = 60
        #expect(Doctor.store(of: configuration)?.path == "pharos-data")
        #expect(Doctor.store(of: configuration)?.databases.map(\.lock) == ["pharos.lock"])
        configuration.settings.hooks.events = [.connected]
        #expect(Doctor.store(of: configuration)?.databases.map(\.lock) == ["pharos.lock", "events.lock"])
        configuration.settings.store.path = ""
        #expect(Doctor.store(of: configuration) == nil)
        #expect(Doctor.store(of: nil) == nil)
    }

    @Test("a relative path begins at the working directory, and what is missing can be made without being made")
    func missing() throws {
        let name = "pharos-\(UUID().uuidString)/deep/er"
        let found = StoreProbe.look(name, Self.databases)
        #expect(found.path == FileManager.default.currentDirectoryPath + "/" + name)
        #expect(!found.exists && found.problem == nil && found.user == nil)
        #expect(found.free ?? 0 > 0)
        #expect(!FileManager.default.fileExists(atPath: name.split(separator: "/").first.map(String.init)!))
        #expect(finding(found)?.message.contains("can be made") == true)
    }

    @Test("a directory that is there is written to, and left as it was")
    func there() throws {
        try folder { path in
            let found = StoreProbe.look(path, Self.databases)
            #expect(found.exists && found.problem == nil && found.user == nil)
            let left = try FileManager.default.contentsOfDirectory(atPath: path)
            #expect(left.isEmpty)
            #expect(finding(found)?.severity == .fine)
        }
    }

    @Test("a file in the place of the directory, or above it, must be fixed")
    func file() throws {
        try folder { path in
            _ = FileManager.default.createFile(atPath: path + "/file", contents: nil)
            for place in ["/file", "/file/below"] {
                let found = StoreProbe.look(path + place, Self.databases)
                #expect(found.problem?.contains("Not a directory") == true, "\(found)")
                #expect(finding(found)?.severity == .broken)
            }
        }
    }

    @Test("a directory where nothing can be written must be fixed")
    func unwritable() {
        // Not even root writes here.
        let found = StoreProbe.look("/proc/self", Self.databases)
        #expect(found.problem?.hasPrefix("cannot ") == true, "\(found)")
        #expect(finding(found)?.severity == .broken)
    }

    @Test("a held lock names its process; the server that runs on the wanted port may hold it", arguments: [0, 1])
    func locked(which: Int) throws {
        try folder { path in
            let file = "\(path)/\(Self.databases[which].lock)"
            let lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0o640)
            try #require(lock >= 0)
            defer { close(lock) }
            _ = write(lock, "4711\n", 5)
            #expect(StoreProbe.look(path, Self.databases).user == nil)
            try #require(flock(lock, LOCK_EX | LOCK_NB) == 0)
            let found = StoreProbe.look(path, Self.databases)
            #expect(found.user == "4711")
            #expect(finding(found)?.severity == .broken)
            #expect(finding(found)?.message.contains("process 4711") == true)
            var port = SystemFacts.Port(
                key: "http_server.port", address: "127.0.0.1", number: 8000, state: .taken(by: "pharos (pid 4711)"))
            #expect(finding(found, ports: [port])?.severity == .broken)
            port.health = .well
            #expect(finding(found, ports: [port])?.severity == .fine)
            port.state = .taken(by: "pharos (pid 12)")
            #expect(finding(found, ports: [port])?.severity == .broken)
        }
    }

    @Test("little room is advice, none must be fixed")
    func room() {
        var store = SystemFacts.Store(path: "/srv/pharos")
        store.exists = true
        for (free, severity) in [(1 << 30, Doctor.Severity.fine), (100 << 20, .advice), (1 << 20, .broken)] {
            store.free = UInt64(free)
            #expect(finding(store)?.severity == severity)
            #expect(finding(store)?.message.contains("\(free >> 20) MiB free") == true)
        }
    }

    @Test(
        "a running Pharos is no fault",
        arguments: [
            (SystemFacts.Port.Health.well, Doctor.Severity.fine), (.unknown, .fine), (.ill("the store fails"), .advice),
        ])
    func running(health: SystemFacts.Port.Health, severity: Doctor.Severity) {
        var facts = SystemFacts()
        facts.ports = [
            .init(key: "http_server.port", address: "127.0.0.1", number: 8000, state: .taken(by: "pharos (pid 9)")),
            .init(key: "http_server.tls.port", address: "127.0.0.1", number: 8443, state: .taken(by: "pharos (pid 9)")),
        ]
        #expect(
            Doctor.examine(facts, nil).filter { $0.subject.hasPrefix("http_server") }.allSatisfy {
                $0.severity == .broken
            })
        facts.ports[0].health = health
        let found = Doctor.examine(facts, nil).filter { $0.subject.hasPrefix("http_server") }
        #expect(found.map(\.severity) == [severity, .fine])
        #expect(found[0].message.contains("running Pharos, pharos (pid 9)"))
        // Somebody else on the port for TLS stays a fault.
        facts.ports[1].state = .taken(by: "nginx (pid 3)")
        #expect(Doctor.examine(facts, nil).first { $0.subject == "http_server.tls.port" }?.severity == .broken)
    }
}
