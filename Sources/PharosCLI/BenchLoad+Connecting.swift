import CPharosSys
import Glibc
import PharosBytes
import PharosEdge
import PharosProtocol
import PharosTLS

/// Brings connections up.
///
/// A bounded number of handshakes goes on at once, each until its subscriptions stand.
extension BenchLoad {
    mutating func connectAll() throws(WireClientError) {
        let began = pharos_monotonic_ns()
        var started = 0
        let failedBefore = result.failed
        readyCount = 0
        lastProgressNs = began
        while readyCount + result.failed - failedBefore < plan.connections {
            while handshakesUnderWay < BenchPlan.handshakesAtOnce, started < plan.connections {
                open(started)
                started += 1
            }
            turn(timeoutMs: 1000)
            if pharos_monotonic_ns() - lastProgressNs > Self.patienceNs {
                for index in 0..<started where isUnderWay(index) { fail(index, "no answer within 10 s") }
                result.failed += plan.connections - started
                started = plan.connections
            }
        }
        result.connected += readyCount
        result.connectSeconds += Double(pharos_monotonic_ns() - began) / 1e9
    }

    mutating func closeAll() {
        for index in 0..<plan.connections where connections[index].socket >= 0 { close(index) }
    }

    private func isUnderWay(_ index: Int) -> Bool {
        switch connections[index].stage {
        case .connecting, .securing, .upgrading, .subscribing: true
        case .closed, .ready, .stalled: false
        }
    }

    private mutating func open(_ index: Int) {
        let socket =
            if let source = plan.source(of: attempts) {
                pharos_connect(plan.host, plan.tlsPort ?? plan.port, 1, source)
            } else {
                pharos_connect(plan.host, plan.tlsPort ?? plan.port, 1, nil)
            }
        attempts += 1
        handshakesUnderWay += 1
        connections[index] = BenchConnection()
        guard socket >= 0 else {
            fail(index, WireClientError("connect", code: Int(socket)).description)
            return
        }
        connections[index].socket = socket
        connections[index].stage = .connecting
        _ = pharos_epoll_control(epoll, 1, socket, PHAROS_READ | PHAROS_WRITE, UInt64(index), 0)
    }

    /// Gives up a connection that did not become ready.
    mutating func fail(_ index: Int, _ why: String) {
        result.failed += 1
        result.failure = why
        handshakesUnderWay -= 1
        lastProgressNs = pharos_monotonic_ns()
        close(index)
    }

    mutating func close(_ index: Int) {
        if connections[index].socket >= 0 { _ = pharos_close(connections[index].socket) }
        connections[index].reader.release()
        freeSession(index)
        connections[index].socket = -1
        connections[index].stage = .closed
        partialHeads[index] = nil
    }

    mutating func becomeReady(_ index: Int) {
        connections[index].stage = .ready
        readyCount += 1
        handshakesUnderWay -= 1
        lastProgressNs = pharos_monotonic_ns()
    }

    /// The TCP connection stands or failed: begins TLS, or asks for the upgrade.
    mutating func connected(_ index: Int) {
        let socket = connections[index].socket
        let error = pharos_socket_error(socket)
        guard error == 0 else { return fail(index, WireClientError("connect", code: -Int(error)).description) }
        _ = pharos_epoll_control(epoll, 2, socket, PHAROS_READ, UInt64(index), 0)
        if let tlsContext { beginSession(index, tlsContext) } else { askForUpgrade(index) }
    }

    mutating func askForUpgrade(_ index: Int) {
        connections[index].stage = .upgrading
        var address = WireClientAddress(host: plan.host, port: plan.port)
        address.path = plan.peer.subscriberPath(channel: plan.channels(of: index)[0])
        let subprotocol = plan.format == .protobuf ? "centrifuge-protobuf" : ""
        sendSmall(index, Array(handshake.request(address, subprotocol: subprotocol).utf8))
    }

    /// Takes the answer to the upgrade off the front of `input`.
    ///
    /// Then it sends the subscribes; false while the answer is incomplete.
    mutating func upgraded(_ index: Int, _ input: inout UnsafeMutableRawBufferPointer) -> Bool {
        var head = partialHeads[index] ?? []
        let earlier = head.count
        head.append(contentsOf: input.prefix(16384))
        guard let end = head.withUnsafeBytes({ WireClientHandshake.endOfHead($0) }) else {
            partialHeads[index] = head
            if head.count > 16384 { fail(index, "too long a head") }
            return false
        }
        partialHeads[index] = nil
        input = UnsafeMutableRawBufferPointer(rebasing: input[max(0, end - earlier)...])
        // The key is the same for all, so one check of the whole answer is as good as many.
        guard head.starts(with: "HTTP/1.1 101".utf8) else {
            let line = String(decoding: head.prefix { $0 != 13 }, as: UTF8.self)
            fail(index, SubPrinter.printable(line))
            return false
        }
        let channels = plan.channels(of: index)
        let messages = plan.peer.subscribeMessages(channels: channels, token: plan.token, format: plan.format)
        guard !messages.isEmpty else {
            becomeReady(index)
            return true
        }
        connections[index].stage = .subscribing
        var frames = ByteWriter()
        for message in messages { appendFrame(opcode: opcode, message, into: &frames) }
        sendSmall(index, frames.array)
        return connections[index].stage == .subscribing
    }

    /// A message came to a connection whose subscriptions do not all stand yet.
    mutating func confirm(_ index: Int, _ message: UnsafeRawBufferPointer) {
        switch plan.peer.confirmation(message, format: plan.format) {
        case .refused(let why): fail(index, why)
        case .subscribed(let count):
            connections[index].confirmed += Int32(count)
            if connections[index].confirmed >= plan.channelsPerConnection { becomeReady(index) }
        }
    }

    var opcode: UInt8 { plan.format == .protobuf ? 2 : 1 }

    /// The mask of all frames.
    ///
    /// The load's data is its own, so the mask need not be unpredictable.
    private static let mask: UInt32 = 0x5A17_C3E9

    func appendFrame(opcode: UInt8, _ payload: [UInt8], into frames: inout ByteWriter) {
        payload.withUnsafeBytes {
            FrameWriter.appendMasked(opcode: opcode, payload: $0, mask: Self.mask, into: &frames)
        }
    }

    /// Sends a few bytes that the socket's empty buffer has room for.
    mutating func sendSmall(_ index: Int, _ bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            guard let session = connections[index].session else { return sendWhole(index, bytes) }
            _ = session.pointee.encrypt(bytes, into: &tlsOutput)
            sendEncrypted(index)
        }
    }

    mutating func sendWhole(_ index: Int, _ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        let count = pharos_send(connections[index].socket, bytes.baseAddress, bytes.count, 0)
        guard count != bytes.count else { return }
        let why = WireClientError("send", code: count < 0 ? count : -Int(EAGAIN)).description
        if isUnderWay(index) { fail(index, why) } else { lose(index, why) }
    }
}
