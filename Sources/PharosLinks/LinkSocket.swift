import CPharosSys
import PharosBytes
package import PharosTLS

#if canImport(Glibc)
    import Glibc
#endif

/// A non-blocking socket of a loop, plain or behind TLS.
///
/// Used on the loop's thread only.
///
/// A link makes one for each attempt to connect; a listener for each connection that it accepts.
package final class LinkSocket {
    package enum Event {
        /// The connection stands, with TLS if that was begun before.
        case connected
        /// TLS that was begun later stands.
        case secured
        /// Valid during the call only.
        case received(UnsafeRawBufferPointer)
        /// The last event.
        case ended(LinkFailure)
    }

    private static let readSize = 131_072
    /// Bytes that wait for the peer before no more are taken.
    private static let pendingLimit = 1_048_576

    private let descriptor: Int32
    private let loop: LinkLoop
    private var watch: UInt64 = 0
    private var isConnected: Bool
    private var isClosed = false
    private var wantsWrite: Bool
    private var pending: [UInt8] = []
    private var pendingStart = 0
    private var tls: TLSBox?
    /// Set before the loop's next round.
    package var handler: ((Event) -> Void)?

    private final class TLSBox {
        var session: TLSSession
        var output = TLSOutput()
        var isEstablished = false
        init(_ session: consuming TLSSession) { self.session = session }
    }

    /// Takes a socket that is being connected.
    package init(_ descriptor: Int32, _ loop: LinkLoop) {
        self.descriptor = descriptor
        self.loop = loop
        isConnected = false
        wantsWrite = true
        watch = loop.watch(descriptor, PHAROS_READ | PHAROS_WRITE) { [weak self] in self?.ready($0) }
    }

    /// Takes a connection that was accepted.
    ///
    /// `connected` follows once its TLS stands, or in the next round.
    package init(accepted descriptor: Int32, tls context: TLSContext?, _ loop: LinkLoop) {
        self.descriptor = descriptor
        self.loop = loop
        isConnected = false
        wantsWrite = true
        if let context, let session = TLSSession(accepting: context) { tls = TLSBox(session) }
        watch = loop.watch(descriptor, PHAROS_READ | PHAROS_WRITE) { [weak self] in self?.ready($0) }
    }

    /// Whether bytes may be sent.
    package var isOpen: Bool { isConnected && !isClosed && tls?.isEstablished != false }
    package var isSecure: Bool { tls != nil }
    /// Bytes that wait for the peer.
    package var pendingBytes: Int { pending.count - pendingStart }

    /// Begins TLS as the client; false: there is no memory, or the name is none.
    package func startTLS(_ context: TLSContext, name: String) -> Bool {
        guard let session = TLSSession(connecting: context, to: name, isAddress: Resolver.isAddress(name)) else {
            return false
        }
        tls = TLSBox(session)
        if isConnected { receive(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return true
    }

    package func close() {
        guard !isClosed else { return }
        isClosed = true
        if let tls {
            tls.session.close(into: &tls.output)
            sendTLS(tls)
        }
        loop.forget(descriptor, watch)
        _ = pharos_close(descriptor)
        handler = nil
    }

    private func end(_ failure: LinkFailure) {
        guard !isClosed else { return }
        let handler = handler
        close()
        handler?(.ended(failure))
    }

    // MARK: Sending

    /// Sends bytes, or keeps them until the peer takes them.
    ///
    /// - Returns: how many were taken; 0 while too many wait.
    package func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard isOpen, bytes.count > 0, pendingBytes < LinkSocket.pendingLimit else { return 0 }
        guard let tls else {
            write(bytes)
            return bytes.count
        }
        guard tls.session.encrypt(bytes, into: &tls.output) else { return 0 }
        sendTLS(tls)
        return bytes.count
    }

    private func sendTLS(_ tls: TLSBox) {
        guard !tls.output.isEmpty else { return }
        write(tls.output.bytes)
        tls.output.removeAll()
    }

    private func write(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes
        if pendingBytes == 0 {
            while rest.count > 0 {
                let sent = pharos_send(descriptor, rest.baseAddress, rest.count, 0)
                // An error is found by reading.
                guard sent > 0 else { break }
                rest = UnsafeRawBufferPointer(rebasing: rest[sent...])
            }
        }
        guard rest.count > 0 else { return }
        pending.append(contentsOf: rest)
        setWantsWrite(true)
    }

    private func writePending() {
        while pendingBytes > 0 {
            let sent = pending.withUnsafeBytes {
                pharos_send(descriptor, $0.baseAddress! + pendingStart, $0.count - pendingStart, 0)
            }
            guard sent > 0 else { break }
            pendingStart += sent
        }
        if pendingBytes == 0 {
            pending.removeAll(keepingCapacity: pending.count <= 65_536)
            pendingStart = 0
        } else if pendingStart > 262_144 {
            pending.removeFirst(pendingStart)
            pendingStart = 0
        }
        setWantsWrite(pendingBytes > 0)
    }

    private func setWantsWrite(_ wanted: Bool) {
        guard wanted != wantsWrite, !isClosed else { return }
        wantsWrite = wanted
        loop.change(descriptor, wanted ? PHAROS_READ | PHAROS_WRITE : PHAROS_READ, watch)
    }

    // MARK: Receiving

    private func ready(_ events: UInt32) {
        if !isConnected {
            guard events & (PHAROS_WRITE | PHAROS_HANGUP) != 0 else { return }
            let error = pharos_socket_error(descriptor)
            guard error == 0 else { return end(.refused(String(cString: strerror(error)))) }
            isConnected = true
            setWantsWrite(false)
            if tls == nil {
                wasConnectedBefore = true
                handler?(.connected)
            } else {
                receive(UnsafeRawBufferPointer(start: nil, count: 0))
            }
        }
        guard !isClosed else { return }
        if events & PHAROS_WRITE != 0 { writePending() }
        if events & (PHAROS_READ | PHAROS_HANGUP) != 0 { read() }
    }

    private func read() {
        // A peer that sends without end does not keep the loop from others.
        for _ in 0..<8 where !isClosed {
            var isOver = true
            withUnsafeTemporaryAllocation(byteCount: LinkSocket.readSize, alignment: 16) { buffer in
                let count = pharos_recv(descriptor, buffer.baseAddress, buffer.count)
                if count > 0 {
                    isOver = count < buffer.count
                    receive(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                } else if count == 0 {
                    end(.closedByPeer)
                } else if count != -Int(pharos_eagain) {
                    end(.refused(String(cString: strerror(Int32(-count)))))
                }
            }
            if isOver { return }
        }
    }

    private func receive(_ bytes: UnsafeRawBufferPointer) {
        guard let tls else {
            handler?(.received(bytes))
            return
        }
        withUnsafeTemporaryAllocation(byteCount: bytes.count + TLSSession.recordSize, alignment: 16) { plain in
            let progress = tls.session.receive(bytes, plaintext: plain, output: &tls.output)
            sendTLS(tls)
            if !tls.isEstablished, tls.session.isHandshakeComplete {
                tls.isEstablished = true
                handler?(wasConnectedBefore ? .secured : .connected)
                wasConnectedBefore = true
            }
            if progress.produced > 0, !isClosed {
                handler?(.received(UnsafeRawBufferPointer(rebasing: plain[..<progress.produced])))
            }
            switch progress.status {
            case .open, .full: break
            case .closed: end(.closedByPeer)
            case .failed(let failure): end(.tls("\(failure)"))
            }
        }
    }

    /// Whether `connected` was reported, in clear, before TLS began.
    private var wasConnectedBefore = false
}
