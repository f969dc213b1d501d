import PharosBytes
import PharosDomain
import PharosProtocol

/// A node's word on whether it has subscribers of a channel.
struct OccupancyReport: Equatable, Sendable {
    var channel: ChannelName
    /// Grows with each change on the reporting node.
    ///
    /// A repetition has the number of the first.
    var number: UInt64
    var isOccupied: Bool
    /// Whether the application was told as much, as far as the node knows.
    var wasTold: Bool
}

/// The answer to a report: it has taken effect.
struct OccupancyReceipt: Equatable, Sendable {
    var channel: ChannelName
    var number: UInt64
    var isOccupied: Bool
    /// Whether the node that answers tells the application; false: it stands by.
    var isPrimary: Bool
}

/// Reports and receipts from one node to another.
struct OccupancyMessage: Equatable, Sendable {
    var reports: [OccupancyReport] = []
    var receipts: [OccupancyReceipt] = []
}

extension OccupancyMessage {
    func encode(into writer: inout ByteWriter) {
        for report in reports {
            writer.appendMessage(1) { message in
                message.appendField(1, report.channel)
                message.appendField(2, report.number)
                message.appendField(3, report.isOccupied)
                message.appendField(4, report.wasTold)
            }
        }
        for receipt in receipts {
            writer.appendMessage(2) { message in
                message.appendField(1, receipt.channel)
                message.appendField(2, receipt.number)
                message.appendField(3, receipt.isOccupied)
                message.appendField(4, receipt.isPrimary)
            }
        }
    }

    static func decode(_ message: ProtobufReader) throws(MalformedFrame) -> OccupancyMessage {
        var reader = message
        var whole = OccupancyMessage()
        while let field = try reader.nextField() {
            switch field.number {
            case 1:
                let (channel, number, isOccupied, wasTold) = try part(reader.message(field))
                whole.reports.append(
                    OccupancyReport(channel: channel, number: number, isOccupied: isOccupied, wasTold: wasTold))
            case 2:
                let (channel, number, isOccupied, isPrimary) = try part(reader.message(field))
                whole.receipts.append(
                    OccupancyReceipt(channel: channel, number: number, isOccupied: isOccupied, isPrimary: isPrimary))
            default: try reader.skip(field)
            }
        }
        return whole
    }

    /// A report and a receipt have the same form.
    private static func part(_ message: ProtobufReader) throws(MalformedFrame) -> (ChannelName, UInt64, Bool, Bool) {
        var reader = message
        var (channel, number, isOccupied, flag) = (ChannelName(""), UInt64(0), false, false)
        while let field = try reader.nextField() {
            switch field.number {
            case 1: channel = try reader.string(field)
            case 2: number = try reader.uint64(field)
            case 3: isOccupied = try reader.bool(field)
            case 4: flag = try reader.bool(field)
            default: try reader.skip(field)
            }
        }
        return (channel, number, isOccupied, flag)
    }
}
