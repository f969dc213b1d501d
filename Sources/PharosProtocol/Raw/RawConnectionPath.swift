package import PharosDomain

/// `/@connections/{id}`: one raw connection as a resource.
package enum RawConnectionPath {
    /// The id in a path, its percent-encoding resolved; nil: another path.
    ///
    /// The id may be anything but empty.
    ///
    /// - Parameter path: without query, as it stands in the request line.
    package static func connection(in path: UnsafeRawBufferPointer) -> ClientName? {
        guard let prefix = prefixLength(of: path), path.count > prefix,
            path.count - prefix <= 3 * RawConnectionID.lengthLimit
        else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(path.count - prefix)
        var index = prefix
        while index < path.count {
            if path[index] == UInt8(ascii: "%"), index + 2 < path.count, let high = hexDigit(path[index + 1]),
                let low = hexDigit(path[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(path[index])
                index += 1
            }
        }
        return ClientName(decoding: bytes)
    }

    /// Some clients encode the `@`.
    private static func prefixLength(of path: UnsafeRawBufferPointer) -> Int? {
        if path.starts(with: "/@connections/".utf8) { return 14 }
        return path.starts(with: "/%40connections/".utf8) ? 16 : nil
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
