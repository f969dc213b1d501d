import CPharosSys
import PharosBytes
import PharosTLS

/// A TLS connection to 127.0.0.1.
package final class TLSLink: ClientLink, @unchecked Sendable {
    private struct State: ~Copyable {
        var session: TLSSession
        var output = TLSOutput()
        /// Decrypted and not yet taken.
        var unread: [UInt8] = []
        var isOver = false

        init(_ session: consuming TLSSession) { self.session = session }
    }

    private let socket: SocketLink
    private let state: UnsafeMutablePointer<State>
    private let lock = Locked(())

    package init(port: Int, receiveBuffer: Int32? = nil) throws {
        socket = try SocketLink(port: port, receiveBuffer: receiveBuffer)
        guard let session = TLSSession(connecting: TestCertificate.client, to: "localhost") else {
            throw TestClient.Failure.unexpected("no TLS session")
        }
        state = .allocate(capacity: 1)
        state.initialize(to: State(session))
        try exchange([])
        while !withState({ $0.session.isHandshakeComplete }) {
            let bytes = try socket.receive()
            guard !bytes.isEmpty else { throw TestClient.Failure.vanished }
            try exchange(bytes)
        }
    }

    deinit {
        state.deinitialize(count: 1)
        state.deallocate()
    }

    package func send(_ bytes: [UInt8]) throws {
        let output = withState { state in
            _ = bytes.withUnsafeBytes { state.session.encrypt($0, into: &state.output) }
            return TLSLink.take(&state.output)
        }
        try socket.send(output)
    }

    package func receive() throws -> [UInt8] {
        while true {
            let (bytes, isOver) = withState { state in
                defer { state.unread = [] }
                return (state.unread, state.isOver)
            }
            if !bytes.isEmpty || isOver { return bytes }
            let received = try socket.receive()
            guard !received.isEmpty else { return [] }
            try exchange(received)
        }
    }

    package func close() { socket.close() }

    /// Takes what has come, and sends what must be sent for it.
    private func exchange(_ bytes: [UInt8]) throws {
        let output = withState { state in
            let room = bytes.count + TLSSession.recordSize
            withUnsafeTemporaryAllocation(byteCount: room, alignment: 16) { plaintext in
                let progress = bytes.withUnsafeBytes {
                    state.session.receive($0, plaintext: plaintext, output: &state.output)
                }
                state.unread.append(contentsOf: plaintext.prefix(progress.produced))
                if progress.status != .open { state.isOver = true }
            }
            return TLSLink.take(&state.output)
        }
        if !output.isEmpty { try socket.send(output) }
    }

    private func withState<Result>(_ body: (inout State) -> Result) -> Result {
        lock.withLock { _ in body(&state.pointee) }
    }

    private static func take(_ output: inout TLSOutput) -> [UInt8] {
        defer { output.removeAll() }
        return Array(output.bytes)
    }
}
