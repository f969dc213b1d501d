import PharosBytes
import PharosCluster
import PharosProtocol

/// Publications that are stored as one message.
///
/// proto3, a repeated field of envelopes.
///
/// One guarded message is stored in a fraction of a millisecond, however many publications it has. An atomic batch of as
/// many messages takes a stream of files 14 to 20 ms (nats-server 2.15.1), since each batch has files of its own.
enum PublicationPack {
    /// - Parameter envelopes: encoded.
    static func bytes(_ envelopes: [[UInt8]]) -> [UInt8] {
        var writer = ByteWriter()
        for envelope in envelopes {
            writer.appendLength(1, envelope.count)
            writer.append(envelope)
        }
        return writer.withBytes { Array($0) }
    }

    /// nil for bytes that are none.
    static func read(_ bytes: [UInt8]) -> [PublicationEnvelope]? {
        bytes.withUnsafeBytes { bytes in
            try? { () throws(MalformedFrame) in
                var reader = ProtobufReader(bytes)
                var envelopes: [PublicationEnvelope] = []
                while let field = try reader.nextField() {
                    if field.number == 1 {
                        envelopes.append(try PublicationEnvelope(try reader.bytes(field)))
                    } else {
                        try reader.skip(field)
                    }
                }
                return envelopes
            }()
        }
    }
}
