import PharosBytes
import PharosEdge

/// A reader's event with bytes of its own, so that two runs can be compared.
enum RecordedFrame: Equatable {
    case data(opcode: UInt8, [UInt8])
    case close(code: UInt16, reason: [UInt8])
    case failure(closeCode: UInt16)

    /// nil: the reader needs more bytes.
    init?(_ event: FrameReader.Event) {
        switch event {
        case .needMore: return nil
        case .text(let bytes): self = .data(opcode: 0x1, Array(bytes))
        case .binary(let bytes): self = .data(opcode: 0x2, Array(bytes))
        case .ping(let bytes): self = .data(opcode: 0x9, Array(bytes))
        case .pong(let bytes): self = .data(opcode: 0xA, Array(bytes))
        case .close(let code, let reason): self = .close(code: code, reason: Array(reason))
        case .failure(let closeCode): self = .failure(closeCode: closeCode)
        }
    }

    var isFailure: Bool {
        if case .failure = self { return true }
        return false
    }

    var isMessage: Bool {
        if case .data(let opcode, _) = self { return opcode < 0x8 }
        return false
    }

    /// Nothing comes after it.
    var isLast: Bool {
        if case .data = self { return false }
        return true
    }

    /// Bytes of payload.
    var size: Int {
        switch self {
        case .data(_, let bytes): bytes.count
        case .close(_, let reason): reason.count + 2
        case .failure: 0
        }
    }

    /// Writes it as a server does: one frame without a mask.
    func append(to writer: inout ByteWriter) {
        switch self {
        case .data(let opcode, let bytes):
            FrameWriter.appendHeader(opcode: opcode, length: bytes.count, into: &writer)
            writer.append(bytes)
        case .close(let code, let reason):
            FrameWriter.appendClose(code: code, reason: String(decoding: reason, as: UTF8.self), into: &writer)
        case .failure:
            preconditionFailure("a failure is not a frame")
        }
    }
}
