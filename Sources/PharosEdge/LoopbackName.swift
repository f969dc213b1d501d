/// Names and addresses that lead to this machine and to no other.
///
/// They are read as `Host` and `Origin` write them. Such a name cannot be made to lead elsewhere: `localhost` and names
/// that end in `.localhost` are reserved (RFC 6761, section 6.3), and an address is no name at all. Every other name
/// may be rebound to this machine by its owner.
package enum LoopbackName {
    /// Whether a host with or without a port is this machine.
    package static func isHost(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let host = withoutPort(text) else { return false }
        return isName(host) || isVersion4(host) || FieldText.equals(host, lowercase: "[::1]")
    }

    /// Whether the origin of a page is `http` or `https` at this machine, on any port.
    package static func isOrigin(_ text: UnsafeRawBufferPointer) -> Bool {
        guard let colon = text.firstIndex(of: UInt8(ascii: ":")), text.count > colon + 3 else { return false }
        let scheme = UnsafeRawBufferPointer(rebasing: text[...(colon + 2)])
        guard FieldText.equals(scheme, lowercase: "http://") || FieldText.equals(scheme, lowercase: "https://")
        else { return false }
        return isHost(UnsafeRawBufferPointer(rebasing: text[(colon + 3)...]))
    }

    /// The host alone; nil: what follows it is no port.
    package static func withoutPort(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var end = text.count
        if text.first == UInt8(ascii: "[") {
            guard let bracket = text.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            end = bracket + 1
        } else if let colon = text.firstIndex(of: UInt8(ascii: ":")) {
            end = colon
        }
        let port = text[end...]
        guard port.isEmpty || port.first == UInt8(ascii: ":") && port.dropFirst().allSatisfy(isDigit), end > 0 else {
            return nil
        }
        return UnsafeRawBufferPointer(rebasing: text[..<end])
    }

    private static func isName(_ host: UnsafeRawBufferPointer) -> Bool {
        let name: StaticString = "localhost"
        let length = name.utf8CodeUnitCount
        guard host.count >= length else { return false }
        let last = UnsafeRawBufferPointer(rebasing: host.suffix(length))
        guard FieldText.equals(last, lowercase: name) else { return false }
        return host.count == length || host.count > length + 1 && host[host.count - length - 1] == UInt8(ascii: ".")
    }

    /// `127.` and three more numbers.
    ///
    /// A name that only begins like that, such as `127.0.0.1.evil.example`, is no address.
    private static func isVersion4(_ host: UnsafeRawBufferPointer) -> Bool {
        guard host.count <= 15, host.starts(with: "127.".utf8) else { return false }
        let parts = host.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return false }
        return parts.allSatisfy { part in
            guard 1...3 ~= part.count, part.allSatisfy(isDigit) else { return false }
            return part.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) } < 256
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte }
}
