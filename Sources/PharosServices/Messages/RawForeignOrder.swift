import PharosBytes
import PharosDomain
import PharosProtocol

/// The part of a request about raw connections that this node cannot place.
///
/// Others may hold them: every node gets all of it, and answers for the connections that are its own.
struct RawForeignOrder: Sendable {
    var messages: [RawServiceRequest.Outgoing] = []
    var closings: [RawServiceRequest.Closing] = []
    /// The connection whose state the answer is to hold.
    var subject: ClientName?

    var isEmpty: Bool { messages.isEmpty && closings.isEmpty && subject == nil }

    /// All ids that are named.
    var connections: [ClientName] {
        messages.flatMap(\.connections) + closings.flatMap(\.connections) + (subject.map { [$0] } ?? [])
    }
}

/// The answers of nodes to a `RawForeignOrder`.
struct RawForeignAnswer: Sendable {
    /// Connections that some node gave the ids of.
    var known: [ClientName] = []
    /// `closed` and `full` of it; `unknown` is found by the asker.
    var report = RawReport()
    var info: RawConnectionInfo?

    mutating func add(_ other: RawForeignAnswer) {
        known += other.known
        report.add(other.report)
        info = info ?? other.info
    }
}

extension RawForeignOrder {
    func encode(into writer: inout ByteWriter) {
        for outgoing in messages {
            writer.appendMessage(1) { message in
                for connection in outgoing.connections { message.appendField(1, connection) }
                message.appendField(2, outgoing.message.data)
                message.appendField(3, outgoing.message.isText)
            }
        }
        for closing in closings {
            writer.appendMessage(2) { message in
                for connection in closing.connections { message.appendField(1, connection) }
                message.appendField(2, UInt64(closing.code))
                message.appendField(3, closing.reason)
            }
        }
        if let subject { writer.appendField(3, subject) }
    }

    init(_ message: ProtobufReader) throws(MalformedFrame) {
        var reader = message
        while let field = try reader.nextField() {
            switch field.number {
            case 1: messages.append(try RawForeignOrder.outgoing(reader.message(field)))
            case 2: closings.append(try RawForeignOrder.closing(reader.message(field)))
            case 3: subject = try reader.string(field)
            default: try reader.skip(field)
            }
        }
    }

    private static func outgoing(
        _ message: ProtobufReader
    ) throws(MalformedFrame) -> RawServiceRequest.Outgoing {
        var reader = message
        var connections: [ClientName] = []
        var (data, isText) = ([UInt8](), false)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: connections.append(try reader.string(field))
            case 2: data = try reader.bytes(field)
            case 3: isText = try reader.bool(field)
            default: try reader.skip(field)
            }
        }
        return RawServiceRequest.Outgoing(connections: connections, message: RawMessage(data, isText: isText))
    }

    private static func closing(_ message: ProtobufReader) throws(MalformedFrame) -> RawServiceRequest.Closing {
        var reader = message
        // What is not there is 0, whatever a request of the application would mean without it.
        var closing = RawServiceRequest.Closing(connections: [])
        closing.code = 0
        while let field = try reader.nextField() {
            switch field.number {
            case 1: closing.connections.append(try reader.string(field))
            case 2: closing.code = UInt16(clamping: try reader.uint64(field))
            case 3: closing.reason = try reader.string(field)
            default: try reader.skip(field)
            }
        }
        return closing
    }
}

extension RawForeignAnswer {
    func encode(into writer: inout ByteWriter) {
        for connection in known { writer.appendField(1, connection) }
        for connection in report.closed { writer.appendField(2, connection) }
        for connection in report.full { writer.appendField(3, connection) }
        guard let info else { return }
        writer.appendMessage(4) { message in
            message.appendField(1, info.connectedAtMs)
            message.appendField(2, info.lastActiveAtMs)
            message.appendField(3, info.address)
        }
    }

    init(_ message: ProtobufReader) throws(MalformedFrame) {
        var reader = message
        while let field = try reader.nextField() {
            switch field.number {
            case 1: known.append(try reader.string(field))
            case 2: report.closed.append(try reader.string(field))
            case 3: report.full.append(try reader.string(field))
            case 4: info = try RawForeignAnswer.info(reader.message(field))
            default: try reader.skip(field)
            }
        }
    }

    private static func info(_ message: ProtobufReader) throws(MalformedFrame) -> RawConnectionInfo {
        var reader = message
        var info = RawConnectionInfo(connectedAtMs: 0, lastActiveAtMs: 0, address: "")
        while let field = try reader.nextField() {
            switch field.number {
            case 1: info.connectedAtMs = try reader.int64(field)
            case 2: info.lastActiveAtMs = try reader.int64(field)
            case 3: info.address = try reader.string(field)
            default: try reader.skip(field)
            }
        }
        return info
    }
}
