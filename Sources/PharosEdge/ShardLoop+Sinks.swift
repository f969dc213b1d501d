import PharosBytes
import Synchronization

/// What reaches a loop from outside.
package enum LoopMail<Mail: Sendable>: Sendable {
    case handler(Mail)
    case sink(SinkEvent<Mail>)

    /// The loop has ended: nobody will serve this any more.
    func refuse() {
        if case .sink(.opened(let source)) = self { source.takeSink()?.close() }
    }
}

package enum SinkEvent<Mail: Sendable>: Sendable {
    case opened(SinkSource<Mail>)
    case received(SinkSource<Mail>, [UInt8])
    case closed(SinkSource<Mail>)
}

/// The shard's end of a sink: passes on what its owner tells, through the shard's mailbox.
package final class SinkSource<Mail: Sendable>: ByteSource {
    /// Held only until the shard has it: the sink may well hold its source, and neither would ever go.
    private let sink: Locked<(any ByteSink)?>
    let peer: String
    private let mailbox: Mailbox<LoopMail<Mail>>
    /// Raw `ConnectionID`; written and read on the shard's thread.
    let id = Atomic<UInt64>(.max)

    init(sink: any ByteSink, peer: String, mailbox: Mailbox<LoopMail<Mail>>) {
        self.sink = Locked(sink)
        self.peer = peer
        self.mailbox = mailbox
    }

    func takeSink() -> (any ByteSink)? {
        sink.withLock { sink in
            defer { sink = nil }
            return sink
        }
    }

    package func received(_ bytes: [UInt8]) {
        mailbox.post(.sink(.received(self, bytes)))
    }

    package func closed() {
        mailbox.post(.sink(.closed(self)))
    }
}

/// Begins to serve a connection that `sink` carries, on the shard behind `mailbox`. Any thread.
package func openSink<Mail>(
    _ sink: any ByteSink, peer: String, mailbox: Mailbox<LoopMail<Mail>>
) -> any ByteSource {
    let source = SinkSource(sink: sink, peer: peer, mailbox: mailbox)
    if !mailbox.post(.sink(.opened(source))) { sink.close() }
    return source
}

extension ShardLoop where Handler: ~Copyable {
    mutating func sinkEvent(_ event: SinkEvent<Handler.Mail>) {
        switch event {
        case .opened(let source):
            guard let sink = source.takeSink() else { return }
            guard edge.isAccepting, edge.connectionCount < edge.configuration.connectionCapacity,
                let id = edge.admit(descriptor: -1)
            else { return sink.close() }
            edge.counters.accepted += 1
            edge.connections[id.slot].pointee.flags.insert(.isSink)
            edge.sinks[id.slot] = Edge.SinkEntry(sink: sink, peer: source.peer)
            source.id.store(id.raw, ordering: .relaxed)
        case .received(let source, var bytes):
            let id = ConnectionID(raw: source.id.load(ordering: .relaxed))
            guard edge.isOpen(id) else { return }
            edge.counters.bytesReceived += UInt64(bytes.count)
            bytes.withUnsafeMutableBytes { received(id, $0) }
        case .closed(let source):
            peerGone(ConnectionID(raw: source.id.load(ordering: .relaxed)))
        }
    }
}
