import PharosBytes
package import PharosDomain

/// Publications and client infos in Protobuf.
///
/// They are sized first and written once, since payloads are long and this path is hot.
///
/// Assumes field numbers below 16, hence tags of one byte. Does not allocate, except to sort two or more tags.
enum ProtobufPublication {
    /// Writes field `number` of the message around it.
    ///
    /// `epoch` is empty but for a stream's first publication.
    static func append(_ number: Int, _ publication: Publication, epoch: Epoch = "", into writer: inout ByteWriter) {
        let size = size(of: publication, epoch: epoch)
        writer.reserve(size + 11)
        writer.appendLength(number, size)
        appendContent(publication, epoch: epoch, into: &writer)
    }

    static func appendContent(_ publication: Publication, epoch: Epoch, into writer: inout ByteWriter) {
        writer.appendField(4, publication.data)
        if let info = publication.info { append(5, info, into: &writer) }
        writer.appendField(6, publication.offset)
        appendTags(publication.tags, into: &writer)
        writer.appendField(8, publication.isDelta)
        writer.appendField(9, publication.timeMs)
        writer.appendField(14, epoch)
    }

    static func append(_ number: Int, _ info: ClientInfo, into writer: inout ByteWriter) {
        writer.appendLength(number, size(of: info))
        writer.appendField(1, info.user)
        writer.appendField(2, info.client)
        writer.appendField(3, info.connectionInfo)
        writer.appendField(4, info.channelInfo)
    }

    private static func appendTags(_ tags: [TagKey: String], into writer: inout ByteWriter) {
        guard tags.count > 1 else {
            for (key, value) in tags { appendTag(key, value, into: &writer) }
            return
        }
        for key in tags.keys.sorted() { appendTag(key, tags[key]!, into: &writer) }
    }

    private static func appendTag(_ key: TagKey, _ value: String, into writer: inout ByteWriter) {
        writer.appendLength(7, size(key) + size(value))
        writer.appendField(1, key)
        writer.appendField(2, value)
    }

    static func size(of publication: Publication, epoch: Epoch) -> Int {
        var size = size(publication.data) + size(varint: publication.offset)
        size += self.size(varint: UInt64(bitPattern: publication.timeMs)) + self.size(epoch)
        if publication.isDelta { size += 2 }
        if let info = publication.info { size += self.size(delimited: self.size(of: info)) }
        for (key, value) in publication.tags { size += self.size(delimited: self.size(key) + self.size(value)) }
        return size
    }

    static func size(of info: ClientInfo) -> Int {
        size(info.user) + size(info.client) + size(info.connectionInfo) + size(info.channelInfo)
    }

    static func size(_ text: String) -> Int { text.utf8.isEmpty ? 0 : size(delimited: text.utf8.count) }

    static func size(_ bytes: [UInt8]) -> Int { bytes.isEmpty ? 0 : size(delimited: bytes.count) }

    static func size(varint value: UInt64) -> Int { value == 0 ? 0 : 1 + protobufVarintSize(value) }

    /// A length-delimited field with its tag, even if it is empty.
    static func size(delimited length: Int) -> Int { 1 + protobufVarintSize(UInt64(length)) + length }
}

/// The reverse; shared by everything that holds publications.
extension ProtobufReader {
    /// A publication and the epoch that came with it, if any.
    package mutating func publication(_ field: Field) throws(MalformedFrame) -> (Publication, epoch: Epoch) {
        var reader = try message(field)
        var publication = Publication(data: [])
        var epoch: Epoch = ""
        while let field = try reader.nextField() {
            switch field.number {
            case 4: publication.data = try reader.bytes(field)
            case 5: publication.info = try reader.clientInfo(field)
            case 6: publication.offset = try reader.uint64(field)
            case 7:
                let (key, value): (TagKey, String) = try reader.textEntry(field)
                publication.tags[key] = value
            case 8: publication.isDelta = try reader.bool(field)
            case 9: publication.timeMs = try reader.int64(field)
            case 14: epoch = try reader.string(field)
            default: try reader.skip(field)
            }
        }
        return (publication, epoch)
    }

    package mutating func clientInfo(_ field: Field) throws(MalformedFrame) -> ClientInfo {
        var reader = try message(field)
        var info = ClientInfo(user: "", client: "")
        while let field = try reader.nextField() {
            switch field.number {
            case 1: info.user = try reader.string(field)
            case 2: info.client = try reader.string(field)
            case 3: info.connectionInfo = try reader.bytes(field)
            case 4: info.channelInfo = try reader.bytes(field)
            default: try reader.skip(field)
            }
        }
        return info
    }

    /// One entry of a map from text to text.
    mutating func textEntry<Kind>(_ field: Field) throws(MalformedFrame) -> (Identifier<Kind>, String) {
        try mapEntry(field, empty: "") { (reader, field) throws(MalformedFrame) in try reader.string(field) }
    }
}
