package import PharosBytes
package import PharosDomain
package import PharosProtocol

/// A publication as engines keep it and nodes send it to each other: proto3.
///
/// Unknown fields are skipped, so that two versions of the server understand each other. Offset and epoch are not in it:
/// each engine has its own place for them.
package struct PublicationEnvelope: Equatable, Sendable {
    package var publication: Publication
    /// The client that does not get it live.
    package var except: ClientID?

    package init(publication: Publication, except: ClientID? = nil) {
        self.publication = publication
        self.except = except
    }

    package func encode(into writer: inout ByteWriter) {
        writer.appendPublication(1, publication)
        var flags: UInt64 = 0
        if !publication.isJSON { flags |= 1 }
        if publication.allowsDelta { flags |= 2 }
        writer.appendField(2, flags)
        if let except {
            writer.appendField(3, except.high)
            writer.appendField(4, except.low)
        }
    }

    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        encode(into: &writer)
        return writer.withBytes { Array($0) }
    }

    /// - Throws: `MalformedFrame` for bytes that are none.
    package init(_ bytes: UnsafeRawBufferPointer) throws(MalformedFrame) {
        var reader = ProtobufReader(bytes)
        var publication = Publication(data: [])
        var flags: UInt64 = 0
        var (high, low) = (UInt64(0), UInt64(0))
        while let field = try reader.nextField() {
            switch field.number {
            case 1: publication = try reader.publication(field).0
            case 2: flags = try reader.uint64(field)
            case 3: high = try reader.uint64(field)
            case 4: low = try reader.uint64(field)
            default: try reader.skip(field)
            }
        }
        publication.isJSON = flags & 1 == 0
        publication.allowsDelta = flags & 2 != 0
        self.publication = publication
        except = high == 0 && low == 0 ? nil : ClientID(high: high, low: low)
    }

    package init(_ bytes: [UInt8]) throws(MalformedFrame) {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(MalformedFrame) in try PublicationEnvelope(bytes) }
        }
        self = try result.get()
    }
}

/// A member's coming or going on its way between nodes.
package struct MemberEnvelope: Equatable, Sendable {
    package var change: MemberChange

    package init(_ change: MemberChange) { self.change = change }

    package func encode(into writer: inout ByteWriter) {
        switch change {
        case .join(let info): writer.appendClientInfo(1, info)
        case .leave(let info): writer.appendClientInfo(2, info)
        }
    }

    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        encode(into: &writer)
        return writer.withBytes { Array($0) }
    }

    /// - Throws: `MalformedFrame` for bytes that are none.
    package init(_ bytes: UnsafeRawBufferPointer) throws(MalformedFrame) {
        var reader = ProtobufReader(bytes)
        var change: MemberChange?
        while let field = try reader.nextField() {
            switch field.number {
            case 1: change = .join(try reader.clientInfo(field))
            case 2: change = .leave(try reader.clientInfo(field))
            default: try reader.skip(field)
            }
        }
        guard let change else { throw MalformedFrame(reason: "protobuf: no member") }
        self.change = change
    }
}
