import PharosEdge
import Testing

/// One frame as a test writes it down; valid unless something else is asked for.
struct Frame: Sendable, CustomStringConvertible {
    enum LengthForm { case shortest, sixteen, sixtyFour }

    let bytes: [UInt8]
    let description: String

    init(
        _ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true, reserved: UInt8 = 0, mask: UInt32? = 0xA1B2_C3D4,
        lengthForm: LengthForm = .shortest
    ) {
        var bytes = [(isFinal ? 0x80 : 0) | reserved | opcode]
        let maskBit: UInt8 = mask == nil ? 0 : 0x80
        let length = payload.count
        func bigEndian(_ count: Int) -> [UInt8] {
            (0..<count).reversed().map { UInt8(truncatingIfNeeded: length >> ($0 * 8)) }
        }
        switch lengthForm {
        case .shortest where length < 126: bytes.append(maskBit | UInt8(length))
        case .shortest where length > 0xFFFF: bytes += [maskBit | 127] + bigEndian(8)
        case .sixtyFour: bytes += [maskBit | 127] + bigEndian(8)
        default: bytes += [maskBit | 126] + bigEndian(2)
        }
        if let mask {
            let key = (0..<4).reversed().map { UInt8(truncatingIfNeeded: mask >> ($0 * 8)) }
            bytes += key
            for (index, byte) in payload.enumerated() { bytes.append(byte ^ key[index % 4]) }
        } else {
            bytes += payload
        }
        self.bytes = bytes
        description = "opcode \(opcode), \(length) bytes, final \(isFinal), reserved \(reserved), \(lengthForm)"
    }

    init(
        _ opcode: UInt8, _ text: String, isFinal: Bool = true, reserved: UInt8 = 0, mask: UInt32? = 0xA1B2_C3D4,
        lengthForm: LengthForm = .shortest
    ) {
        self.init(
            opcode, Array(text.utf8), isFinal: isFinal, reserved: reserved, mask: mask, lengthForm: lengthForm)
    }
}

/// The reader's events, copied out of its memory.
enum FrameEvent: Equatable, Sendable {
    case text([UInt8])
    case binary([UInt8])
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16, [UInt8])
    case failure(UInt16)

    static func text(_ text: String) -> FrameEvent { .text(Array(text.utf8)) }
    static func ping(_ text: String) -> FrameEvent { .ping(Array(text.utf8)) }
    static func pong(_ text: String) -> FrameEvent { .pong(Array(text.utf8)) }
    static func close(_ code: UInt16, _ reason: String) -> FrameEvent { .close(code, Array(reason.utf8)) }
}

/// Bytes of a connection, given to a new reader in pieces of any size.
struct FrameTranscript {
    let bytes: [UInt8]
    let limit: Int
    let expectsMask: Bool
    /// After permessage-deflate was agreed on.
    let isCompressed: Bool

    init(_ bytes: [UInt8], limit: Int = 100_000, expectsMask: Bool = true, isCompressed: Bool = false) {
        self.bytes = bytes
        self.limit = limit
        self.expectsMask = expectsMask
        self.isCompressed = isCompressed
    }

    init(_ frames: [Frame], limit: Int = 100_000, expectsMask: Bool = true, isCompressed: Bool = false) {
        self.init(frames.flatMap(\.bytes), limit: limit, expectsMask: expectsMask, isCompressed: isCompressed)
    }

    /// The events when `chunk` bytes arrive at a time; 0: all at once.
    func events(chunk: Int = 0) -> [FrameEvent] {
        let size = chunk == 0 ? max(bytes.count, 1) : chunk
        return events(cuts: Array(stride(from: size, to: bytes.count, by: size)))
    }

    /// The events when the bytes arrive cut at these places.
    func events(cuts: [Int]) -> [FrameEvent] {
        var reader = FrameReader(expectsMask: expectsMask)
        defer { reader.release() }
        var inflater = MessageInflater()
        if isCompressed { reader.acceptCompressed() }
        var events: [FrameEvent] = []
        for (start, end) in zip([0] + cuts, cuts + [bytes.count]) {
            // Memory of exactly this piece, freed afterwards: a sanitizer notices every look beyond it.
            let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: end - start, alignment: 1)
            defer { piece.deallocate() }
            piece.copyBytes(from: bytes[start..<end])
            var input = piece
            reading: while true {
                let event =
                    isCompressed
                    ? reader.next(&input, limit: limit, inflater: &inflater) : reader.next(&input, limit: limit)
                switch event {
                case .needMore: break reading
                case .text(let bytes): events.append(.text(Array(bytes)))
                case .binary(let bytes): events.append(.binary(Array(bytes)))
                case .ping(let bytes): events.append(.ping(Array(bytes)))
                case .pong(let bytes): events.append(.pong(Array(bytes)))
                case .close(let code, let reason): events.append(.close(code, Array(reason)))
                case .failure(let code): events.append(.failure(code))
                }
            }
            if !input.isEmpty { Issue.record("input is left after needMore") }
        }
        return events
    }
}
