import PharosBytes
package import PharosDomain

/// The name of a raw connection for its origin.
///
/// It is a zero byte, the node's address, then 20 bytes that only this node can read. Eight of them lead the node to
/// the connection, twelve cannot be guessed: a program that was not given an id cannot make one up.
package struct RawConnectionID: Hashable, Sendable {
    /// Where the connection is, as the node has mixed it.
    package var place: UInt64
    /// The part that cannot be guessed.
    package var tag: Tag

    package struct Tag: Hashable, Sendable {
        package var high: UInt64
        package var low: UInt32

        package init(high: UInt64, low: UInt32) {
            self.high = high
            self.low = low
        }
    }

    package init(place: UInt64, tag: Tag) {
        self.place = place
        self.tag = tag
    }

    /// Characters of the longest text that is looked at.
    package static let lengthLimit = 512
    /// Bytes of the longest node address.
    package static let addressLimit = 255
    private static let ownBytes = 20

    /// The id in standard base64 with padding, as JSON bodies have it.
    ///
    /// - Parameter node: the node's address in ASCII, at most `addressLimit` bytes.
    package func text(node: [UInt8]) -> ClientName {
        precondition(node.count <= RawConnectionID.addressLimit, "an address in every id must be short")
        var bytes: [UInt8] = [0]
        bytes.reserveCapacity(1 + node.count + RawConnectionID.ownBytes)
        bytes += node
        withUnsafeBytes(of: place.bigEndian) { bytes += $0 }
        withUnsafeBytes(of: tag.high.bigEndian) { bytes += $0 }
        withUnsafeBytes(of: tag.low.bigEndian) { bytes += $0 }
        return ClientName(Base64.encode(bytes))
    }

    /// Reads an id, in the standard or the URL-safe alphabet, with padding or without.
    ///
    /// - Returns: nil for what is malformed and for ids of other nodes.
    package init?(_ text: ClientName, node: [UInt8]) {
        guard text.utf8.count <= RawConnectionID.lengthLimit, let bytes = RawConnectionID.decode(text) else {
            return nil
        }
        guard bytes.count == 1 + node.count + RawConnectionID.ownBytes, bytes[0] == 0,
            bytes[1..<(1 + node.count)].elementsEqual(node)
        else { return nil }
        let own = bytes[(1 + node.count)...]
        place = RawConnectionID.number(own.prefix(8))
        tag = Tag(
            high: RawConnectionID.number(own.dropFirst(8).prefix(8)),
            low: UInt32(truncatingIfNeeded: RawConnectionID.number(own.suffix(4))))
    }

    private static func decode(_ text: ClientName) -> [UInt8]? {
        var characters = text.utf8.map { byte in
            switch byte {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: byte
            }
        }
        if characters.last != UInt8(ascii: "=") {
            while !characters.count.isMultiple(of: 4) { characters.append(UInt8(ascii: "=")) }
        }
        return characters.withUnsafeBytes { Base64.decode($0) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}
