/// The web pages that may connect.
///
/// An allow-list for the `Origin` header that browsers send (RFC 6454, section 7).
///
/// Each entry is a glob, in which `*` stands for any number of any characters: `https://*.example.com`. The entry `self`
/// stands for the host that the request itself names, `loopback` for pages of this machine on any port. Case does not
/// count. An empty list refuses every origin.
package struct OriginRules: Sendable {
    /// The literal parts of a glob, in lower case.
    ///
    /// Between two of them anything may stand.
    private let globs: [[[UInt8]]]
    private let allowsOwnHost: Bool
    private let allowsLoopback: Bool

    /// The entry that stands for the request's own host.
    package static let own = "self"
    /// The entry that stands for pages of this machine.
    package static let loopback = "loopback"

    package init(globs: [String]) {
        self.globs = globs.filter { $0 != OriginRules.own && $0 != OriginRules.loopback }.map { glob in
            glob.utf8.map(FieldText.lowercased)
                .split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false)
                .map { Array($0) }
        }
        allowsOwnHost = globs.contains(OriginRules.own)
        allowsLoopback = globs.contains(OriginRules.loopback)
    }

    /// Decides about a request.
    ///
    /// One without the header is allowed, unless a browser says that another site made it.
    ///
    /// A browser leaves `Origin` out where it asks without CORS, as for an image or a link, and sends the user's cookies all
    /// the same. Newer ones say then in `Sec-Fetch-Site` (Fetch Metadata, section 2.3) from where it comes.
    package func allows(_ head: RequestHead) -> Bool {
        guard let origin = head.header("origin") else { return !OriginRules.isFromAnotherSite(head) }
        guard head.headerCount("origin") == 1 else { return false }
        return allows(origin, host: head.authority)
    }

    /// - Parameters:
    ///   - origin: the value of the `Origin` header.
    ///   - host: the value of the `Host` header, for the entry `self`.
    package func allows(_ origin: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer) -> Bool {
        allowsOwnHost && isOwn(origin, host: host) || allowsLoopback && LoopbackName.isOrigin(origin)
            || globs.contains { matches(origin, $0) }
    }

    /// Whether a request without `Origin` comes from a page of another site.
    ///
    /// A browser says so in `Sec-Fetch-Site`: no page of this server made it, and no user by hand.
    private static func isFromAnotherSite(_ head: RequestHead) -> Bool {
        guard let site = head.header("sec-fetch-site") else { return false }
        guard head.headerCount("sec-fetch-site") == 1 else { return true }
        return !FieldText.equals(site, lowercase: "same-origin") && !FieldText.equals(site, lowercase: "none")
    }

    private func isOwn(_ origin: UnsafeRawBufferPointer, host: UnsafeRawBufferPointer) -> Bool {
        guard !host.isEmpty, origin.count > host.count else { return false }
        let split = origin.count - host.count
        let scheme = UnsafeRawBufferPointer(rebasing: origin[..<split])
        guard FieldText.equals(scheme, lowercase: "http://") || FieldText.equals(scheme, lowercase: "https://")
        else { return false }
        return zip(origin[split...], host).allSatisfy { FieldText.lowercased($0) == FieldText.lowercased($1) }
    }

    /// Whether `origin` matches a glob's parts.
    ///
    /// The first must be at the start and the last at the end; each one between is taken where it first fits.
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
