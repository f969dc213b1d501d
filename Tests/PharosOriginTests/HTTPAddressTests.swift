import PharosOrigin
import Testing

@Suite("Addresses of origins")
struct HTTPAddressTests {
    @Test("an address is taken apart")
    func parts() throws {
        let plain = try HTTPAddress("http://app")
        #expect(
            (plain.isSecure, plain.host, plain.port, plain.target, plain.authority) == (false, "app", 80, "/", "app"))
        let full = try HTTPAddress("https://app.example:8443/hook?a=1#part")
        #expect(full.isSecure)
        #expect((full.host, full.port, full.target) == ("app.example", 8443, "/hook?a=1"))
        #expect(full.authority == "app.example:8443")
        let numbers = try HTTPAddress("http://[::1]:8000?x")
        #expect((numbers.host, numbers.port, numbers.target) == ("::1", 8000, "/?x"))
    }

    @Test(
        "what is no address is refused",
        arguments: [
            "", "app:80", "ftp://app", "http://", "http:///x", "http://user@app", "http://app:0", "http://app:x",
            "http://app:99999", "http://[::1", "http://[::1]x", "http://app/a b", "http://app/\r\nx: y", "http://:80",
        ])
    func refused(text: String) {
        #expect(throws: HTTPAddress.Failure.self) { try HTTPAddress(text) }
    }
}
