/// Which pages may connect: an allow-list for the `Origin` header that browsers send (RFC 6454, section 7).
///
/// Each entry is a glob, in which `*` stands for any number of any characters: `https://*.example.com`. The entry `self`
/// stands for the host that the request itself names. Case does not count. An empty list refuses every origin.
package struct OriginRules: Sendable {
    /// The literal parts of a glob, in lower case; between two of them anything may stand.
    private let globs: [[[UInt8]]]
    private let allowsOwnHost: Bool

    package init(globs: [String]) {
        self.globs = globs.filter { $0 != "self" }.map { glob in
            glob.utf8.map(FieldText.lowercased)
                .split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
                .map { Array($0) }
        }
        allowsOwnHost = globs.contains("self")
    }

    /// Decides about a request. One without the header does not come from a page and is allowed, one with two is not.
    package func allows(_ head: RequestHead) -> Bool {
        guard let origin = head.header("origin") else { return true }
        guard head.headerCount("origin") == 1 else { return false }
        return allows(origin, host: head.authority)
    }

    /// - Parameters:
    ///   - origin: the value of the `Origin` header.
    ///   - host: the value of the `Host` header, for the entry `self`.
    package func allows(_ origin: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer) -> Bool {
        allowsOwnHost && isOwn(origin, host: host) || globs.contains { matches(origin, $0) }
    }

    private func isOwn(_ origin: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer) -> Bool {
        guard !host.isEmpty, origin.count > host.count else { return false }
        let split = origin.count - host.count
        let scheme = UnsafeRawBufferPointer(rebasing: origin[..<split])
        guard FieldText.equals(scheme, lowercase: "http://") || FieldText.equals(scheme, lowercase: "https://")
        else { return false }
        return zip(origin[split...], host).allSatisfy { FieldText.lowercased($0) == FieldText.lowercased($1) }
    }

    /// The first part must be at the start and the last at the end; each one between is taken where it first fits.
    private func matches(_ origin: UnsafeRawBufferPointer, _ parts: [[UInt8]]) -> Bool {
        guard parts.count > 1 else { return origin.count == parts[0].count && has(parts[0], in: origin, at: 0) }
        let last = parts[parts.count - 1]
        let end = origin.count - last.count
        guard end >= parts[0].count, has(parts[0], in: origin, at: 0), has(last, in: origin, at: end) else {
            return false
        }
        var position = parts[0].count
        for part in parts[1..<parts.count - 1] {
            while position + part.count <= end, !has(part, in: origin, at: position) { position += 1 }
            guard position + part.count <= end else { return false }
            position += part.count
        }
        return true
    }

    private func has(_ part: [UInt8], in origin: UnsafeRawBufferPointer, at start: Int) -> Bool {
        for index in 0..<part.count where FieldText.lowercased(origin[start + index]) != part[index] { return false }
        return true
    }
}
