import CPharosSys
import Glibc
import PharosBytes

/// One publishing connection.
///
/// HTTP requests are written as they come, answers are counted in their order.
final class BenchPublisher {
    /// The result of one publish.
    enum Answer: Equatable {
        case accepted
        case refused(String)
    }

    /// Bytes that may wait.
    ///
    /// Beyond it the schedule is not held, which the result says as lag.
    private static let outputLimit = 4 << 20
    private static let answerLimit = 1 << 20

    let socket: Int32
    private var output = ByteWriter(capacity: 65536)
    private var sent = 0
    private var input: [UInt8] = []
    /// The numbers of messages that have no answer yet.
    ///
    /// The oldest is first, and they begin at `oldest`.
    private var unanswered: [UInt32] = []
    private var oldest = 0
    /// Whether the descriptor is to be watched for room to write.
    private(set) var isBlocked = false

    init(socket: Int32) {
        self.socket = socket
    }

    deinit { _ = pharos_close(socket) }

    var hasUnanswered: Bool { oldest < unanswered.count }
    var hasRoom: Bool { output.count - sent < Self.outputLimit }

    /// Queues a request made of parts; `write` sends it.
    func add(number: UInt32, _ append: (inout ByteWriter) -> Void) {
        append(&output)
        unanswered.append(number)
    }

    /// Sends what is queued; false when the connection broke.
    func write() -> Bool {
        while sent < output.count {
            let count = output.withBytes { pharos_send(socket, $0.baseAddress! + sent, $0.count - sent, 0) }
            if count == -Int(EINTR) { continue }
            if count == -Int(pharos_eagain) {
                isBlocked = true
                return true
            }
            guard count >= 0 else { return false }
            sent += count
        }
        output.removeAll()
        sent = 0
        isBlocked = false
        return true
    }

    /// Takes received bytes and hands out each answer with its number.
    ///
    /// The number is its message's. false if it is not HTTP.
    func receive(_ bytes: UnsafeRawBufferPointer, _ take: (UInt32, Answer) -> Void) -> Bool {
        input.append(contentsOf: bytes)
        var start = 0
        while start < input.count, hasUnanswered {
            let step = input.withUnsafeBytes { Self.nextAnswer(UnsafeRawBufferPointer(rebasing: $0[start...])) }
            switch step {
            case .incomplete:
                input.removeFirst(start)
                return input.count < Self.answerLimit
            case .malformed: return false
            case .complete(let size, let answer):
                start += size
                take(unanswered[oldest], answer)
                oldest += 1
            }
        }
        input.removeFirst(start)
        if !hasUnanswered {
            unanswered.removeAll(keepingCapacity: true)
            oldest = 0
        }
        return true
    }

    enum Step: Equatable {
        case incomplete
        case malformed
        case complete(size: Int, Answer)
    }

    /// Reads one answer with a stated length at the start of `bytes`.
    ///
    /// See RFC 9112, section 6.
    static func nextAnswer(_ bytes: UnsafeRawBufferPointer) -> Step {
        guard let headEnd = WireClientHandshake.endOfHead(bytes) else { return .incomplete }
        guard headEnd > 12, bytes[9] >= UInt8(ascii: "0"), bytes[9] <= UInt8(ascii: "9") else { return .malformed }
        guard let length = contentLength(UnsafeRawBufferPointer(rebasing: bytes[..<headEnd])) else { return .malformed }
        guard bytes.count - headEnd >= length else { return .incomplete }
        let body = UnsafeRawBufferPointer(rebasing: bytes[headEnd..<headEnd + length])
        if bytes[9] == UInt8(ascii: "2"), !body.starts(with: "{\"error\"".utf8) {
            return .complete(size: headEnd + length, .accepted)
        }
        let status = String(decoding: bytes[9..<12], as: UTF8.self)
        let text = SubPrinter.printable(String(decoding: body.prefix(200), as: UTF8.self))
        return .complete(size: headEnd + length, .refused("status \(status) \(text)"))
    }

    private static func contentLength(_ head: UnsafeRawBufferPointer) -> Int? {
        let name: StaticString = "\r\ncontent-length:"
        guard head.count > name.utf8CodeUnitCount else { return nil }
        for start in 0..<head.count - name.utf8CodeUnitCount where head[start] == 13 {
            let isHere = (0..<name.utf8CodeUnitCount).allSatisfy {
                let byte = head[start + $0]
                let lower = byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
                return lower == name.utf8Start[$0]
            }
            guard isHere else { continue }
            var length = 0
            for byte in head[(start + name.utf8CodeUnitCount)...] {
                switch byte {
                case 0x20: continue
                case UInt8(ascii: "0")...UInt8(ascii: "9") where length < answerLimit:
                    length = length * 10 + Int(byte - UInt8(ascii: "0"))
                default: return length
                }
            }
        }
        return nil
    }
}
