import CPharosSys
import PharosEdge

/// A server for conformance suites: the edge with an echoing handler.
///
/// It sends every message back.
///
/// Usage: `pharos-echo PORT [MESSAGE-LIMIT] [--compress]`. Serves every path on 127.0.0.1 until it is killed. With
/// `--compress` it agrees on permessage-deflate and compresses whatever becomes shorter.
@main
struct EchoServer {
    static func main() {
        let arguments = CommandLine.arguments.filter { $0 != "--compress" }
        guard arguments.count >= 2, let port = UInt16(arguments[1]) else {
            print("usage: pharos-echo PORT [MESSAGE-LIMIT] [--compress]")
            return
        }
        var configuration = EdgeConfiguration()
        configuration.messageSizeLimit = arguments.count > 2 ? Int(arguments[2]) ?? 0 : 33_554_432
        configuration.outputLimit = 1 << 30
        configuration.connectionCapacity = 1_024
        configuration.detachedLimit = 0
        configuration.compression = CommandLine.arguments.contains("--compress")
        configuration.compressionMinSize = 0
        let listener = pharos_listen("127.0.0.1", port, 128, 0)
        guard listener >= 0 else {
            print("cannot listen on 127.0.0.1:\(port)")
            return
        }
        print("listening on 127.0.0.1:\(pharos_local_port(listener))")
        var loop = ShardLoop(
            edge: Edge(configuration), handler: EchoHandler(), mailbox: Mailbox(), listener: listener)
        loop.run()
    }
}

struct EchoHandler: EdgeHandler, ~Copyable {
    typealias Mail = Never

    mutating func headReceived(_ id: ConnectionID, _ head: RequestHead, _ edge: inout Edge) -> HeadDecision {
        switch WebSocketHandshake.examine(head) {
        case .accept(let subprotocol): .webSocket(subprotocol)
        case .notUpgrade: .refuse(status: 426, message: "this address speaks WebSocket")
        case .refused(let status, let reason): .refuse(status: status, message: reason)
        }
    }

    mutating func requestReceived(
        _ id: ConnectionID, _ head: RequestHead, body: UnsafeRawBufferPointer, _ edge: inout Edge
    ) {}

    mutating func webSocketOpened(
        _ id: ConnectionID, _ head: RequestHead, subprotocol: WebSocketHandshake.Subprotocol, _ edge: inout Edge
    ) {}

    mutating func messageReceived(
        _ id: ConnectionID, _ message: UnsafeRawBufferPointer, isText: Bool, _ edge: inout Edge
    ) {
        edge.send(id, isText ? .text : .binary, message)
    }

    mutating func pongReceived(_ id: ConnectionID, _ edge: inout Edge) {}
    mutating func connectionClosed(_ id: ConnectionID, _ edge: inout Edge) {}
    mutating func timerFired(_ id: ConnectionID, _ edge: inout Edge) {}
    mutating func becameSlow(_ id: ConnectionID, _ edge: inout Edge) {}
    mutating func writeTimedOut(_ id: ConnectionID, _ edge: inout Edge) {}
    mutating func mailReceived(_ mail: Never, _ edge: inout Edge) {}
    mutating func ticked(_ edge: inout Edge) {}
}
