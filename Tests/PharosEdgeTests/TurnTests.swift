import PharosBytes
import PharosEdge
import Testing

@Suite("turns")
struct TurnTests {
    @Test("before a large fan-out answers leave, and each connection sees its answer before the publication")
    func answersFirst() {
        let scene = ShardScene { $0.connectionCapacity = 400 }
        let topic = scene.loop.edge.makeTopic()
        let readers = (0..<300).map { _ in scene.stream() }
        for (_, id) in readers { _ = scene.loop.edge.subscribe(id, to: topic, lane: 0) }
        let (both, publisher) = scene.webSocket()
        _ = scene.loop.edge.subscribe(publisher, to: topic, lane: 1)
        let http = scene.connect()
        scene.script.onRequest = { id, edge in
            edge.publish(topic, lane: 0, .chunk, ByteWriter("news"))
            edge.send(publisher, .text, ByteWriter("reply"))
            edge.publish(topic, lane: 1, .text, ByteWriter("news"))
            withBytes("done") { edge.respond(id, status: 200, body: $0) }
        }
        // Pipelined: the second is served in the same turn, once the first has been answered.
        let request = "POST /publish HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
        let before = scene.script.requests.count
        http.send(request + request)
        scene.run { $0.requests.count == before + 2 }
        // The fan-out takes some more turns.
        scene.settle()
        #expect(http.read().components(separatedBy: "HTTP/1.1 200 OK").count == 3)
        #expect(both.readBytes() == frame("reply") + frame("reply") + frame("news") + frame("news"))
        for (reader, _) in readers { #expect(reader.read() == "news".chunk + "news".chunk) }
    }
}
