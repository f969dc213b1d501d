import PharosBytes
import PharosCluster
import PharosDomain
import PharosProtocol

/// A publication on its way to the home of its channel: proto3.
///
/// It has everything that the home needs to write it, since the nodes' configurations may differ for a moment.
struct ForwardedOrder {
    var append: StreamAppend
    var except: ClientID?
    var isInMemory: Bool

    var encoded: [UInt8] {
        var writer = ByteWriter()
        writer.appendField(1, append.channel)
        writer.appendField(2, PublicationEnvelope(publication: append.publication, except: except).encoded())
        writer.appendField(3, UInt64(clamping: append.retention.size))
        writer.appendField(4, append.retention.ttlMs)
        writer.appendField(5, append.retention.metaTTLMs)
        writer.appendField(6, isInMemory)
        writer.appendField(7, UInt64(append.history == .kept ? 0 : append.history == .skipped ? 1 : 2))
        writer.appendField(8, append.idempotencyKey)
        writer.appendField(9, append.version)
        writer.appendField(10, append.versionEpoch)
        return writer.withBytes { Array($0) }
    }

    init(append: StreamAppend, except: ClientID?, isInMemory: Bool) {
        (self.append, self.except, self.isInMemory) = (append, except, isInMemory)
    }

    /// nil for bytes that are none.
    init?(_ bytes: [UInt8]) {
        let order = bytes.withUnsafeBytes { bytes in
            try? { () throws(MalformedFrame) in
                var reader = ProtobufReader(bytes)
                return try ForwardedOrder(&reader)
            }()
        }
        guard let order else { return nil }
        self = order
    }

    private init(_ reader: inout ProtobufReader) throws(MalformedFrame) {
        var append = StreamAppend(
            channel: "", publication: Publication(data: []),
            retention: StreamRetention(size: 0, ttlMs: 0, metaTTLMs: 0), nowMs: 0)
        var except: ClientID?
        var isInMemory = false
        while let field = try reader.nextField() {
            switch field.number {
            case 1: append.channel = ChannelName(try reader.string(field))
            case 2:
                let envelope = try PublicationEnvelope(try reader.bytes(field))
                (append.publication, except) = (envelope.publication, envelope.except)
            case 3: append.retention.size = Int(clamping: try reader.uint64(field))
            case 4: append.retention.ttlMs = try reader.int64(field)
            case 5: append.retention.metaTTLMs = try reader.int64(field)
            case 6: isInMemory = try reader.bool(field)
            case 7:
                let use = try reader.uint64(field)
                append.history = use == 0 ? .kept : use == 1 ? .skipped : .none
            case 8: append.idempotencyKey = IdempotencyKey(try reader.string(field))
            case 9: append.version = try reader.uint64(field)
            case 10: append.versionEpoch = Epoch(try reader.string(field))
            default: try reader.skip(field)
            }
        }
        self.init(append: append, except: except, isInMemory: isInMemory)
    }
}

/// The home's answer to a forwarded order: proto3.
struct ForwardedAnswer: Equatable {
    var result: Result<StreamPosition, ReplyError>
    /// The sequence of the stored message; 0: nothing was stored for it.
    var sequence: UInt64 = 0

    var encoded: [UInt8] {
        var writer = ByteWriter()
        switch result {
        case .success(let position):
            writer.appendField(1, position.offset)
            writer.appendField(2, position.epoch)
            writer.appendField(3, sequence)
        case .failure(let error):
            writer.appendField(4, error.code)
            writer.appendField(5, error.message)
            writer.appendField(6, error.isTemporary)
        }
        return writer.withBytes { Array($0) }
    }

    init(_ result: Result<StreamPosition, ReplyError>, sequence: UInt64 = 0) {
        (self.result, self.sequence) = (result, sequence)
    }

    /// nil for bytes that are none.
    init?(_ bytes: [UInt8]) {
        let answer = bytes.withUnsafeBytes { bytes in
            try? { () throws(MalformedFrame) in
                var reader = ProtobufReader(bytes)
                return try ForwardedAnswer(&reader)
            }()
        }
        guard let answer else { return nil }
        self = answer
    }

    private init(_ reader: inout ProtobufReader) throws(MalformedFrame) {
        var position = StreamPosition()
        var error = ReplyError(code: 0, message: "")
        var sequence: UInt64 = 0
        while let field = try reader.nextField() {
            switch field.number {
            case 1: position.offset = try reader.uint64(field)
            case 2: position.epoch = Epoch(try reader.string(field))
            case 3: sequence = try reader.uint64(field)
            case 4: error.code = try reader.uint32(field)
            case 5: error.message = try reader.string(field)
            case 6: error.isTemporary = try reader.bool(field)
            default: try reader.skip(field)
            }
        }
        if error.code == 0 { self.init(.success(position), sequence: sequence) } else { self.init(.failure(error)) }
    }
}
