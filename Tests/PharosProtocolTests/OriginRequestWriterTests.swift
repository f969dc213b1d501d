import PharosDomain
import PharosProtocol
import Testing

@Suite("Heads of requests to origins")
struct OriginRequestWriterTests {
    private func head(_ facts: RequestFacts, static own: [FieldName: String] = [:], emulated: [FieldName: String] = [:])
        -> String
    {
        let writer = OriginRequestWriter(method: "POST", target: "/hook?a=1", authority: "app:8000", staticHeaders: own)
        return Wire.text {
            writer.begin(into: &$0)
            writer.append(facts, emulated: emulated, into: &$0)
            writer.end(contentLength: 12, into: &$0)
        }
    }

    private let begin = "POST /hook?a=1 HTTP/1.1\r\nhost: app:8000\r\n"
    private let agent = "user-agent: pharos/\(PharosVersion.current)\r\n"

    @Test("the facts of a request travel as fields of their own names and of ours")
    func facts() {
        var facts = RequestFacts()
        facts.method = "GET"
        facts.path = "/connection/websocket"
        facts.address = "192.0.2.7"
        facts.headers = ["x-b": "2", "authorization": "Bearer t"]
        facts.cookies = ["b": "2", "a": "1"]
        facts.query = ["q": "a b&c", "p": ""]
        #expect(
            head(facts)
                == begin + agent + "authorization: Bearer t\r\nx-b: 2\r\ncookie: a=1; b=2\r\nx-pharos-method: GET\r\n"
                + "x-pharos-path: /connection/websocket\r\nx-pharos-query: p=&q=a%20b%26c\r\n"
                + "x-pharos-client-address: 192.0.2.7\r\ncontent-length: 12\r\n\r\n")
        #expect(head(RequestFacts()) == begin + agent + "content-length: 12\r\n\r\n")
    }

    @Test("no value of a client can end its field, name another or speak for Pharos")
    func injection() {
        var facts = RequestFacts()
        facts.headers = [
            "x-a": "1\r\nx-evil: 1", "x-b": "1\ncontent-length: 0", "x-c\r\nx-evil": "1", "x d": "1", "": "1",
            "host": "evil", "content-length": "0", "transfer-encoding": "chunked", "connection": "close",
            "x-pharos-user": "root", "webhook-id": "1", "ce-type": "x", "x-zero": "a\0b",
        ]
        facts.cookies = ["a": "1; admin=1", "b=c": "1", "d": "1\r\nx-evil: 1"]
        facts.path = "/\r\nx-evil: 1"
        #expect(head(facts) == begin + agent + "content-length: 12\r\n\r\n")
    }

    @Test("the operator's fields count more than a client's, and a request's more than those inside a command")
    func precedence() {
        var facts = RequestFacts()
        facts.headers = ["authorization": "client", "x-a": "request"]
        #expect(
            head(
                facts, static: ["Authorization": "operator", "Host": "other", "Content-Length": "9"],
                emulated: ["x-a": "command", "x-b": "command", "authorization": "command"])
                == "POST /hook?a=1 HTTP/1.1\r\nhost: other\r\nauthorization: operator\r\n" + agent
                + "x-a: request\r\nx-b: command\r\ncontent-length: 12\r\n\r\n")
    }

    @Test("attributes of a question are header fields, percent-encoded where they must be")
    func cloudEvent() {
        var request = HookRequest(.subscribe(channel: "news 1", token: "", data: []))
        request.client = "c1"
        request.user = "ä\r\n\"%"
        #expect(
            Wire.text { CloudEventHeaders(node: "n").append(request, id: "i-1", nowMs: 1_767_323_045_678, into: &$0) }
                == "ce-specversion: 1.0\r\nce-source: /pharos/n\r\nce-id: i-1\r\nce-type: pharos.client.subscribe\r\n"
                + "ce-time: 2026-01-02T03:04:05.678Z\r\nce-subject: c1\r\nce-user: %C3%A4%0D%0A%22%25\r\n"
                + "ce-channel: news%201\r\n")
    }
}
