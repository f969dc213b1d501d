import Testing

@testable import PharosConfiguration

@Suite("Allowed origins")
struct AllowedOriginTests {
    @Test(
        "what a browser may send is taken as it is",
        arguments: [
            "https://a.example", "http://a.example", "https://a.example:8443", "http://a.example:443",
            "https://a.example:80", "https://*.example.com", "https://*", "http://localhost:*", "https://a.example:*",
            "*",
            "*.example.com", "*://a.example", "*//a.example", "http*", "http*://a.example", "https:*", "self", "null",
            "http://127.0.0.1:3000", "http://[::1]:8000", "https://[2001:db8::1]", "https://[2001:db8:*]",
            "capacitor://localhost", "ionic://localhost", "chrome-extension://abcdefghijklmnop",
            "moz-extension://0d3f1c2e-6d1c-4f4e-9d7a-3f3b5a0c7e11", "file://", "https://a_b.example",
            "https://a.example.",
            "https://xn--bcher-kva.example", "*:8000",
        ])
    func good(entry: String) {
        #expect(AllowedOrigin.corrected(entry) == entry)
        #expect(problems("client: {allowed_origins: ['\(entry)']}") == [])
    }

    @Test(
        "what matches nothing for ever is refused with the spelling that was meant",
        arguments: [
            ("https://a.example/", "https://a.example"),
            ("a.example", "https://a.example"),
            ("a.example:8443", "https://a.example:8443"),
            ("//a.example", "https://a.example"),
            ("localhost:3000", "http://localhost:3000"),
            ("127.0.0.1", "http://127.0.0.1"),
            ("https://a.example/app/*", "https://a.example"),
            ("https://a.example/*", "https://a.example"),
            ("https://*.example.com/", "https://*.example.com"),
            ("*.example.com/", "*.example.com"),
            ("https://a.example:443", "https://a.example"),
            ("http://a.example:80", "http://a.example"),
            ("https://*:443", "https://*"),
            ("http://a.example:080", "http://a.example"),
            ("https://a.example:", "https://a.example"),
            ("https://a.example:08443", "https://a.example:8443"),
            ("HTTPS://A.Example", "https://a.example"),
            ("https://App.example.com:8443/x", "https://app.example.com:8443"),
            ("https://user:secret@a.example", "https://a.example"),
            ("https://a.example?x=1", "https://a.example"),
            ("https://a.example#top", "https://a.example"),
            ("wss://a.example", "https://a.example"),
            ("ws://a.example:80", "http://a.example"),
            ("https:/a.example", "https://a.example"),
            ("https:a.example", "https://a.example"),
            ("NULL", "null"), ("Self", "self"),
            ("http://[0:0:0:0:0:0:0:1]:80", "http://[::1]"),
            ("http://[2001:DB8:0:0:1:0:0:1]", "http://[2001:db8::1:0:0:1]"),
            ("http://[::ffff:1.2.3.4]", "http://[::ffff:102:304]"),
            ("http://127.1:8000", "http://127.0.0.1:8000"),
            ("http://0x7f000001", "http://127.0.0.1"),
            ("app.*", "*://app.*"),
            ("file:///", "file://"),
        ])
    func corrected(entry: String, meant: String) {
        #expect(AllowedOrigin.corrected(entry) == meant)
        #expect(AllowedOrigin.corrected(meant) == meant)
        let found = problems("client: {allowed_origins: ['\(entry)']}")
        #expect(
            found.count == 1 && found[0].contains("client.allowed_origins") && found[0].contains("`\(meant)`"),
            "\(found)")
        #expect(!found.joined().contains("secret"))
    }

    @Test(
        "what is no origin at all is refused",
        arguments: [
            "''", "'https://'", "'https://a b'", "'https://a.example,https://b.example'", "'https://bücher.example'",
            "'https://a.example:99999'", "'https://a.example:http'", "'http://::1'", "'https://[::1'",
            "'https://a%20b'",
            "\"https://a\\nb\"",
        ])
    func none(entry: String) {
        let found = problems("client: {allowed_origins: [\(entry)]}")
        #expect(found.count == 1 && found[0].contains("is no origin"), "\(found)")
    }

    @Test("all entries are judged at once")
    func several() {
        let found = problems("client: {allowed_origins: ['https://a.example/', 'https://b.example', 'c.example']}")
        #expect(found.count == 1)
        #expect(
            found.first?.hasSuffix(
                "`https://a.example/` is spelled `https://a.example`; `c.example` is spelled `https://c.example`")
                == true)
        #expect(found.first?.contains("`https://b.example`") == false)
    }
}
