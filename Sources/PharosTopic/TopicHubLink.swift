import CPharosSys
import PharosBytes
import PharosDomain
import PharosLinks
import PharosProtocol

/// One node's link, as the hub sees it. Used on the link thread only.
final class TopicHubLink {
    enum State: Equatable {
        case awaitingHello
        case ready(mark: UInt64, name: String)
    }

    let number: UInt64
    let socket: LinkSocket
    let nonce = TopicProof.nonce()
    /// When it began, and when the node was last heard of, in monotonic milliseconds.
    let beganMs: Int64
    var heardMs: Int64
    var state = State.awaitingHello
    var reader = TopicFrameReader(limit: 4_096)
    var isClosed = false
    private var output = ByteWriter()
    /// The channels that it follows.
    var followed: Set<ChannelName> = []

    init(_ number: UInt64, _ socket: LinkSocket, nowMs: Int64) {
        self.number = number
        self.socket = socket
        beganMs = nowMs
        heardMs = nowMs
    }

    var isReady: Bool { state != .awaitingHello }
    var mark: UInt64 {
        if case .ready(let mark, _) = state { return mark }
        return 0
    }

    /// Bytes that the node has not taken.
    var pendingBytes: Int { output.count + socket.pendingBytes }

    func write(_ frame: TopicFrame) { frame.append(to: &output) }

    /// Writes a message that was encoded before.
    func write(_ bytes: UnsafeRawBufferPointer) { output.append(bytes) }

    /// Hands to the socket what it takes.
    func flush() {
        guard output.count > 0, output.withBytes({ socket.send($0) }) > 0 else { return }
        if output.count > 1 << 20 { output = ByteWriter() } else { output.removeAll() }
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        flush()
        socket.close()
    }
}
