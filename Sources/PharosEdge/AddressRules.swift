/// A set of IP addresses and CIDR blocks.
///
/// It holds the proxies whose word about a client's address is believed.
package struct AddressRules: Sendable {
    private struct Block {
        let prefix: IPAddress
        let prefixLength: Int

        func contains(_ address: IPAddress) -> Bool {
            prefixLength == 0 || (address.bits ^ prefix.bits) >> UInt128(128 - prefixLength) == 0
        }
    }

    private let blocks: [Block]

    /// Reads a list of addresses and CIDR blocks.
    ///
    /// - Parameter blocks: `10.0.0.0/8`, `192.0.2.1`, `fd00::/8`, `::1`. Bits behind the prefix must be zero, since an
    ///   address with a prefix that does not fit it is more likely a slip than a wish.
    package init(blocks: [String]) throws(AddressRulesError) {
        var parsed: [Block] = []
        for text in blocks { parsed.append(try AddressRules.block(text)) }
        self.blocks = parsed
    }

    package var isEmpty: Bool { blocks.isEmpty }

    /// Whether `address` is in one of the blocks.
    ///
    /// It is IPv4, IPv6, or IPv4 written as IPv6; other text is in none.
    package func contains(_ address: String) -> Bool {
        IPAddress(address).map(contains) ?? false
    }

    private func contains(_ address: IPAddress) -> Bool {
        blocks.contains { $0.contains(address) }
    }

    private static func block(_ text: String) throws(AddressRulesError) -> Block {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(String(first)) else { throw .invalidAddress(text) }
        guard parts.count == 2 else { return Block(prefix: address, prefixLength: 128) }
        let isVersion4 = !first.contains(":")
        guard parts[1].utf8.count <= 3, parts[1].utf8.allSatisfy({ $0 &- 0x30 < 10 }), let length = Int(parts[1]),
            length <= (isVersion4 ? 32 : 128)
        else { throw .invalidPrefixLength(text) }
        let block = Block(prefix: address, prefixLength: isVersion4 ? length + 96 : length)
        let hostBits = 128 - block.prefixLength
        guard hostBits == 128 ? address.bits == 0 : address.bits & ((1 << UInt128(hostBits)) - 1) == 0 else {
            throw .hasHostBits(text)
        }
        return block
    }
}

extension AddressRules {
    /// The address that a request comes from.
    ///
    /// `X-Forwarded-For` can be written by anyone, so it is read from the right, and only as far as those who wrote it
    /// are in this set: the answer is the first address from the right that is not. An entry that is no address ends
    /// the search at the proxy that passed it on.
    ///
    /// - Parameters:
    ///   - peer: the address of the socket's other end, without port.
    ///   - forwardedFor: the values of all `X-Forwarded-For` lines, joined with commas in their order; nil: none.
    package func clientAddress(peer: String, forwardedFor: UnsafeRawBufferPointer?) -> String {
        guard let forwardedFor, contains(peer) else { return peer }
        var client = peer
        for entry in forwardedFor.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false).reversed() {
            let text = FieldText.trimmed(UnsafeRawBufferPointer(rebasing: entry))
            guard let address = IPAddress(forwarded: text) else { return client }
            client = address.description
            guard contains(address) else { return client }
        }
        return client
    }

    /// The same, with the lines taken from the request's head.
    package func clientAddress(peer: String, head: RequestHead) -> String {
        guard !blocks.isEmpty, head.header("x-forwarded-for") != nil else { return peer }
        var joined: [UInt8] = []
        head.forEachHeader { name, value in
            guard FieldText.equals(name, lowercase: "x-forwarded-for") else { return }
            if !joined.isEmpty { joined.append(UInt8(ascii: ",")) }
            joined.append(contentsOf: value)
        }
        return joined.withUnsafeBytes { clientAddress(peer: peer, forwardedFor: $0) }
    }
}
