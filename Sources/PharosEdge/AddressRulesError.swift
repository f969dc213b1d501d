/// Why an entry of an address list is not understood.
///
/// The entry is the operator's own text.
package enum AddressRulesError: Error, Equatable, CustomStringConvertible {
    case invalidAddress(String)
    case invalidPrefixLength(String)
    /// Bits behind the prefix are set, as in `10.0.0.1/8`.
    case hasHostBits(String)

    package var description: String {
        switch self {
        case .invalidAddress(let text): "\"\(text)\" is neither an IP address nor a CIDR block"
        case .invalidPrefixLength(let text): "\"\(text)\": the prefix length must be 0 to 32 (IPv4) or 0 to 128 (IPv6)"
        case .hasHostBits(let text): "\"\(text)\": bits behind the prefix are set; a single address has no prefix"
        }
    }
}
