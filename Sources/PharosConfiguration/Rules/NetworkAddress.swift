import Glibc

/// Reads the texts of network addresses.
enum NetworkAddress {
    static func isAddress(_ text: String) -> Bool {
        bits(text) != nil
    }

    /// An address, or one with a prefix length: `10.0.0.0/8`.
    static func isAddressOrBlock(_ text: String) -> Bool {
        guard let slash = text.firstIndex(of: "/") else { return isAddress(text) }
        let length = text[text.index(after: slash)...]
        guard let bits = bits(String(text[..<slash])), let prefix = Int(length), length.utf8.count <= 3 else {
            return false
        }
        return (0...bits).contains(prefix)
    }

    /// Whether only this machine can reach it.
    static func isLoopback(_ text: String) -> Bool {
        if text == "localhost" { return true }
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return UInt32(bigEndian: four.s_addr) >> 24 == 127 }
        var six = in6_addr()
        guard inet_pton(AF_INET6, text, &six) == 1 else { return false }
        return withUnsafeBytes(of: six) { $0.dropLast().allSatisfy { $0 == 0 } && $0.last == 1 }
    }

    /// 32 or 128, or nil if the text is no address.
    private static func bits(_ text: String) -> Int? {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return 32 }
        var six = in6_addr()
        return inet_pton(AF_INET6, text, &six) == 1 ? 128 : nil
    }
}
