import PharosCluster
import PharosDomain
package import PharosProtocol

extension TopicFrame {
    /// Reads one message, without its length; nil: one of a later version.
    package static func decode(_ bytes: UnsafeRawBufferPointer) throws(MalformedFrame) -> TopicFrame? {
        var reader = ProtobufReader(bytes)
        var frame: TopicFrame?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: frame = try challenge(reader.message(field))
            case 2: frame = .hello(try hello(reader.message(field)))
            case 3: frame = try welcome(reader.message(field))
            case 4: frame = .refused(try text(reader.message(field)))
            case 5: frame = try request(reader.message(field))
            case 6: frame = try completed(reader.message(field))
            case 7: frame = try publication(reader.message(field))
            case 8: frame = try member(reader.message(field))
            case 9: frame = try bus(reader.message(field))
            case 10:
                try reader.skip(field)
                frame = .ping
            case 11:
                try reader.skip(field)
                frame = .pong
            case 12: frame = .gap(channel: ChannelName(try text(reader.message(field))))
            default: try reader.skip(field)
            }
        }
        return frame
    }

    private static func text(_ message: ProtobufReader) throws(MalformedFrame) -> String {
        var reader = message
        var text = ""
        while let field = try reader.nextField() {
            if field.number == 1 { text = try reader.string(field) } else { try reader.skip(field) }
        }
        return text
    }

    private static func challenge(_ message: ProtobufReader) throws(MalformedFrame) -> TopicFrame {
        var reader = message
        var (version, nonce) = (UInt64(0), [UInt8]())
        while let field = try reader.nextField() {
            switch field.number {
            case 1: version = try reader.uint64(field)
            case 2: nonce = try reader.bytes(field)
            default: try reader.skip(field)
            }
        }
        return .challenge(version: version, nonce: nonce)
    }

    private static func hello(_ message: ProtobufReader) throws(MalformedFrame) -> TopicHello {
        var reader = message
        var hello = TopicHello(version: 0, mark: 0, name: "", nonce: [], code: [])
        while let field = try reader.nextField() {
            switch field.number {
            case 1: hello.version = try reader.uint64(field)
            case 2: hello.mark = try reader.uint64(field)
            case 3: hello.name = try reader.string(field)
            case 4: hello.nonce = try reader.bytes(field)
            case 5: hello.code = try reader.bytes(field)
            default: try reader.skip(field)
            }
        }
        return hello
    }

    private static func welcome(_ message: ProtobufReader) throws(MalformedFrame) -> TopicFrame {
        var reader = message
        var (hub, code, wallMs) = (UInt64(0), [UInt8](), Int64(0))
        while let field = try reader.nextField() {
            switch field.number {
            case 1: hub = try reader.uint64(field)
            case 2: code = try reader.bytes(field)
            case 3: wallMs = try reader.int64(field)
            default: try reader.skip(field)
            }
        }
        return .welcome(hub: hub, code: code, wallMs: wallMs)
    }

    private static func request(_ message: ProtobufReader) throws(MalformedFrame) -> TopicFrame? {
        var reader = message
        var (relay, ticket) = (UInt64(0), UInt64(0))
        var moment = Moment(monotonicMs: 0, wallMs: 0)
        var request: EngineRequest?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: relay = try reader.uint64(field)
            case 2: ticket = try reader.uint64(field)
            case 3: moment.monotonicMs = try reader.int64(field)
            case 4: moment.wallMs = try reader.int64(field)
            case 5: request = try EngineRequest.decode(reader.message(field))
            default: try reader.skip(field)
            }
        }
        return request.map { .request(relay: relay, ticket: ticket, $0, moment) }
    }

    private static func completed(_ message: ProtobufReader) throws(MalformedFrame) -> TopicFrame {
        var reader = message
        var (relay, ticket) = (UInt64(0), UInt64(0))
        // An outcome that this version does not know.
        var result = Result<EngineOutcome, ReplyError>.failure(.internalError)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: relay = try reader.uint64(field)
            case 2: ticket = try reader.uint64(field)
            case 3: result = .failure(try error(reader.message(field)))
            case 4: result = .success(.position(try position(reader.message(field))))
            case 5:
                try reader.skip(field)
                result = .success(.done)
            case 6: result = .success(.read(try read(reader.message(field))))
            default: try reader.skip(field)
            }
        }
        return .completed(relay: relay, ticket: ticket, result)
    }

    private static func error(_ message: ProtobufReader) throws(MalformedFrame) -> ReplyError {
        var reader = message
        var error = ReplyError(code: 0, message: "")
        while let field = try reader.nextField() {
            switch field.number {
            case 1: error.code = try reader.uint32(field)
            case 2: error.message = try reader.string(field)
            case 3: error.isTemporary = try reader.bool(field)
            default: try reader.skip(field)
            }
        }
        return error
    }

    private static func position(_ message: ProtobufReader) throws(MalformedFrame) -> StreamPosition {
        var reader = message
        var position = StreamPosition()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: position.offset = try reader.uint64(field)
            case 2: position.epoch = try reader.string(field)
            default: try reader.skip(field)
            }
        }
        return position
    }

    private static func read(_ message: ProtobufReader) throws(MalformedFrame) -> StreamRead {
        var reader = message
        var read = StreamRead(top: StreamPosition())
        while let field = try reader.nextField() {
            switch field.number {
            case 1: read.top = try position(reader.message(field))
            case 2: read.publications.append(try envelope(&reader, field).publication)
            default: try reader.skip(field)
            }
        }
        return read
    }

    private static func envelope(
        _ reader: inout ProtobufReader, _ field: ProtobufReader.Field
    ) throws(MalformedFrame) -> PublicationEnvelope {
        guard field.wireType == .delimited else { throw MalformedFrame(reason: "protobuf: wrong wire type") }
        return try PublicationEnvelope(reader.delimited())
    }

    private static func publication(_ message: ProtobufReader) throws(MalformedFrame) -> TopicFrame {
        var reader = message
        var (channel, epoch) = (ChannelName(""), Epoch(""))
        var content = PublicationEnvelope(publication: Publication(data: []))
        while let field = try reader.nextField() {
            switch field.number {
            case 1: channel = try reader.string(field)
            case 2: epoch = try reader.string(field)
            case 3: content = try envelope(&reader, field)
            default: try reader.skip(field)
            }
        }
        return .publication(channel: channel, epoch: epoch, content.publication, except: content.except)
    }

    fileprivate static func memberParts(
        _ message: ProtobufReader
    ) throws(MalformedFrame) -> (ChannelName, MemberChange)? {
        var reader = message
        var channel: ChannelName = ""
        var change: MemberChange?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: channel = try reader.string(field)
            case 2:
                guard field.wireType == .delimited else { throw MalformedFrame(reason: "protobuf: wrong wire type") }
                change = try MemberEnvelope(reader.delimited()).change
            default: try reader.skip(field)
            }
        }
        return change.map { (channel, $0) }
    }

    private static func member(_ message: ProtobufReader) throws(MalformedFrame) -> TopicFrame? {
        try memberParts(message).map { .member(channel: $0.0, $0.1) }
    }

    private static func bus(_ message: ProtobufReader) throws(MalformedFrame) -> TopicFrame {
        var reader = message
        var (node, bytes) = (UInt64(0), [UInt8]())
        while let field = try reader.nextField() {
            switch field.number {
            case 1: node = try reader.uint64(field)
            case 2: bytes = try reader.bytes(field)
            default: try reader.skip(field)
            }
        }
        return .bus(node: node, bytes)
    }
}

extension EngineRequest {
    /// nil: a request of a later version.
    fileprivate static func decode(_ message: ProtobufReader) throws(MalformedFrame) -> EngineRequest? {
        var reader = message
        var request: EngineRequest?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: request = .publish(try publish(reader.message(field)))
            case 2:
                let read = try ReadParts(reader.message(field))
                request = .read(
                    channel: read.channel, options: read.options, after: read.bound, limit: read.limit,
                    floor: read.floor)
            case 3:
                let read = try ReadParts(reader.message(field))
                request = .readBackwards(
                    channel: read.channel, options: read.options, before: read.bound, limit: read.limit,
                    floor: read.floor)
            case 4:
                let parts = try ReadParts(reader.message(field))
                request = .removeHistory(channel: parts.channel, options: parts.options)
            case 5:
                let parts = try ReadParts(reader.message(field))
                request = .follow(channel: parts.channel, options: parts.options)
            case 6: request = .unfollow(channel: try ReadParts(reader.message(field)).channel)
            case 7:
                guard let (channel, change) = try TopicFrame.memberParts(reader.message(field)) else { return nil }
                request = .announce(change, channel: channel)
            default: try reader.skip(field)
            }
        }
        return request
    }

    private static func publish(_ message: ProtobufReader) throws(MalformedFrame) -> EnginePublish {
        var reader = message
        var publish = EnginePublish(channel: "", publication: Publication(data: []), options: ChannelOptions())
        while let field = try reader.nextField() {
            switch field.number {
            case 1: publish.channel = try reader.string(field)
            case 2: publish.options = try options(reader.message(field))
            case 3:
                guard field.wireType == .delimited else { throw MalformedFrame(reason: "protobuf: wrong wire type") }
                let envelope = try PublicationEnvelope(reader.delimited())
                (publish.publication, publish.except) = (envelope.publication, envelope.except)
            case 4: publish.skipHistory = try reader.bool(field)
            case 5: publish.idempotencyKey = try reader.string(field)
            case 6: publish.version = try reader.uint64(field)
            case 7: publish.versionEpoch = try reader.string(field)
            default: try reader.skip(field)
            }
        }
        return publish
    }

    fileprivate static func options(_ message: ProtobufReader) throws(MalformedFrame) -> ChannelOptions {
        var reader = message
        var options = ChannelOptions()
        while let field = try reader.nextField() {
            switch field.number {
            case 1: options.historySize = Int(clamping: try reader.uint64(field))
            case 2: options.historyTTL = Int(min(try reader.uint64(field), 1 << 40))
            case 3: options.historyMetaTTL = Int(min(try reader.uint64(field), 1 << 40))
            case 4: options.durability = ChannelOptions.Durability(rawValue: try reader.string(field)) ?? .asConfigured
            default: try reader.skip(field)
            }
        }
        return options
    }

    private struct ReadParts {
        var channel: ChannelName = ""
        var options = ChannelOptions()
        var bound: UInt64?
        var limit = 0
        var floor: UInt64 = 0

        init(_ message: ProtobufReader) throws(MalformedFrame) {
            var reader = message
            while let field = try reader.nextField() {
                switch field.number {
                case 1: channel = try reader.string(field)
                case 2: options = try EngineRequest.options(reader.message(field))
                case 3:
                    var part = try reader.message(field)
                    bound = 0
                    while let inner = try part.nextField() {
                        if inner.number == 1 { bound = try part.uint64(inner) } else { try part.skip(inner) }
                    }
                case 4: limit = Int(clamping: try reader.uint64(field))
                case 5: floor = try reader.uint64(field)
                default: try reader.skip(field)
                }
            }
        }
    }
}
