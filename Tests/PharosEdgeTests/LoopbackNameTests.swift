import PharosEdge
import Testing

@Suite("names of this machine")
struct LoopbackNameTests {
    private static let names = [
        "localhost", "LocalHost", "app.localhost", "127.0.0.1", "127.8.9.255", "[::1]",
    ]

    @Test("localhost and addresses of the loopback are this machine, on every port", arguments: names)
    func own(name: String) {
        for port in ["", ":", ":80", ":65535"] {
            #expect(isHost(name + port))
            #expect(isOrigin("http://" + name + port))
            #expect(isOrigin("HTTPS://" + name + port))
        }
    }

    @Test(
        "every other name may be made to lead here, and is not believed",
        arguments: [
            "", ":80", "evil.example", "localhost.evil.example", "evillocalhost", ".localhost", "localhost.",
            "127.0.0.1.evil.example", "127.0.0", "127.0.0.256", "127.0.0.1.1", "127.0..1", "127.0.0.01x", "127.1",
            "128.0.0.1", "0.0.0.0", "[::]", "[::1", "[::1]x", "[::2]", "::1", "localhost:80@evil.example",
            "localhost:8x", "localhost:80:80", "10.0.0.1", "localhost/", " localhost",
        ])
    func foreign(name: String) {
        #expect(!isHost(name))
        #expect(!isOrigin("http://" + name))
    }

    @Test(
        "an origin is http or https", arguments: ["null", "", "http://", "ftp://localhost", "//localhost", "localhost"])
    func schemes(origin: String) { #expect(!isOrigin(origin)) }

    private func isHost(_ text: String) -> Bool { Array(text.utf8).withUnsafeBytes { LoopbackName.isHost($0) } }
    private func isOrigin(_ text: String) -> Bool { Array(text.utf8).withUnsafeBytes { LoopbackName.isOrigin($0) } }
}
