#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

extension AddressRules {
    /// An IP address as 128 bits.
    ///
    /// IPv4 is the mapped block `::ffff:0:0/96` of IPv6 (RFC 4291, section 2.5.5.2).
    struct IPAddress: Equatable, Sendable, CustomStringConvertible {
        let bits: UInt128

        private static let mappedPrefix: UInt128 = 0xFFFF_0000_0000

        /// Reads an address without port.
        ///
        /// The zone of a link-local one (`%eth0`) is left aside.
        init?(_ text: String) {
            let withoutZone = text.contains(":") ? text.prefix { $0 != "%" } : text[...]
            guard withoutZone.utf8.count <= 45, !withoutZone.utf8.contains(0) else { return nil }
            var version4 = in_addr()
            if inet_pton(AF_INET, String(withoutZone), &version4) == 1 {
                bits = IPAddress.mappedPrefix | UInt128(UInt32(bigEndian: version4.s_addr))
                return
            }
            var version6 = in6_addr()
            guard inet_pton(AF_INET6, String(withoutZone), &version6) == 1 else { return nil }
            bits = withUnsafeBytes(of: version6) { UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self)) }
        }

        /// Reads an entry of `X-Forwarded-For`.
        ///
        /// Some proxies write it with a port: `192.0.2.1:80`, `[2001:db8::1]:80`.
        init?(forwarded entry: UnsafeRawBufferPointer) {
            guard entry.count <= 64 else { return nil }
            var text = String(decoding: entry, as: UTF8.self)[...]
            if text.first == "[" {
                guard let end = text.firstIndex(of: "]") else { return nil }
                let port = text[text.index(after: end)...]
                guard port.isEmpty || port.first == ":" else { return nil }
                text = text[text.index(after: text.startIndex)..<end]
            } else if let colon = text.firstIndex(of: ":"), colon == text.lastIndex(of: ":") {
                text = text[..<colon]
            }
            self.init(String(text))
        }

        /// The canonical text (RFC 5952); IPv4 in its own form.
        var description: String {
            if bits >> 32 == IPAddress.mappedPrefix >> 32 {
                return (0..<4).reversed().map { String(UInt8(truncatingIfNeeded: bits >> UInt128($0 * 8))) }
                    .joined(separator: ".")
            }
            return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
                withUnsafeBytes(of: bits.bigEndian) { bytes in
                    _ = inet_ntop(AF_INET6, bytes.baseAddress, text.baseAddress, socklen_t(INET6_ADDRSTRLEN))
                }
                return text.baseAddress.map { String(cString: $0) } ?? ""
            }
        }
    }
}
