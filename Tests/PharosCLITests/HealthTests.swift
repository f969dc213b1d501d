import Testing

@testable import PharosCLI

@Suite("Health")
struct HealthTests {
    @Test("without an address it asks this machine")
    func ownMachine() throws {
        #expect(
            try HealthCommand.address(nil, port: nil, live: false)
                == WireClientAddress(host: "127.0.0.1", port: 8000, path: "/health/ready"))
        #expect(try HealthCommand.address(nil, port: "", live: false).port == 8000)
    }

    @Test("the server's port is known by its variable")
    func variable() throws {
        #expect(try HealthCommand.address(nil, port: "9001", live: true).authority == "127.0.0.1:9001")
        #expect(throws: WireClientError.self) { try HealthCommand.address(nil, port: "many", live: true) }
    }

    @Test("an address of one's own counts, with its path")
    func otherAddress() throws {
        #expect(try HealthCommand.address("http://10.0.0.7:81", port: "9001", live: true).path == "/health/live")
        #expect(try HealthCommand.address("http://10.0.0.7:81/health", port: nil, live: true).path == "/health")
    }
}
