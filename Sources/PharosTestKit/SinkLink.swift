import CPharosSys
import PharosBytes
import PharosEdge
package import PharosServices

#if canImport(Glibc)
    import Glibc
#endif

/// A connection that reaches a shard as a `ByteSink`: no socket at all.
package final class SinkLink: ClientLink, ByteSink {
    private struct State: Sendable {
        var unread: [UInt8] = []
        var isClosed = false
        var source: (any ByteSource)?
    }

    private let state = Locked(State())
    /// Readable whenever there may be something new.
    private let bell: Int32

    package init(to backend: any Backend, peer: String = "192.0.2.1") {
        bell = pharos_eventfd()
        precondition(bell >= 0, "no descriptor is left for a client")
        let source = backend.open(sink: self, peer: peer)
        state.withLock { $0.source = source }
    }

    deinit { _ = pharos_close(bell) }

    // MARK: The client's side

    package func send(_ bytes: [UInt8]) throws {
        state.withLock { $0.source }?.received(bytes)
    }

    package func receive() throws -> [UInt8] {
        while true {
            pharos_clear_wake(bell)
            let (bytes, isOver) = state.withLock { state in
                let bytes = state.unread
                state.unread = []
                return (bytes, state.isClosed)
            }
            if !bytes.isEmpty || isOver { return bytes }
            var waited = pollfd(fd: bell, events: Int16(POLLIN), revents: 0)
            guard poll(&waited, 1, guardMs) > 0 else { throw LinkError.silence }
        }
    }

    // MARK: The shard's side

    package func write(_ bytes: [UInt8]) {
        state.withLock { $0.unread.append(contentsOf: bytes) }
        pharos_wake(bell)
    }

    /// A client that does not read leaves everything unsent.
    package var unsentBytes: Int { state.withLock { $0.unread.count } }

    /// Called by the shard when it closes, and by the client: either way both ends know afterwards.
    package func close() {
        let source = state.withLock { state in
            state.isClosed = true
            defer { state.source = nil }
            return state.source
        }
        source?.closed()
        pharos_wake(bell)
    }
}
