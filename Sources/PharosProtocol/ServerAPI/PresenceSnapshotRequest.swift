package import PharosDomain

/// The body of `POST /api/snapshot`.
package struct PresenceSnapshotRequest: Equatable, Sendable {
    /// Clients of one page at most.
    package static let limitRange = 1...10_000
    /// Where the request names no limit.
    package static let usualLimit = 1_000

    /// `next_cursor` of the page before; "" the first page.
    package var cursor = ""
    package var limit = PresenceSnapshotRequest.usualLimit

    package init() {}

    /// An empty body asks for the first page.
    /// - Throws: code 107, naming the field at fault.
    package init(body: UnsafeRawBufferPointer) throws(ReplyError) {
        self.init()
        guard !body.isEmpty else { return }
        var scanner = JSONScanner(body)
        self = try scanner.apiFields(PresenceSnapshotRequest.self)
        try scanner.finishAPIBody()
        if limit == 0 { limit = PresenceSnapshotRequest.usualLimit }
        limit = min(limit, PresenceSnapshotRequest.limitRange.upperBound)
    }
}

extension PresenceSnapshotRequest: JSONMessage {
    static var withoutFields: PresenceSnapshotRequest { PresenceSnapshotRequest() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "cursor": cursor = try scanner.stringField()
        case "limit":
            limit = try scanner.integerField()
            guard limit >= 0 else { throw MalformedFrame(reason: "must not be negative") }
        default: try scanner.skipValue()
        }
    }
}
