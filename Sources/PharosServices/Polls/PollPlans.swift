import PharosProtocol
import PharosDomain

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// An anonymous client's query for one channel, whose poll was admitted and waited.
final class PollPlan {
    let query: [UInt8]
    let channel: ChannelName
    let waitMs: Int64
    private let start: PollRequest.Start

    init(query: UnsafeRawBufferPointer, channel: PollRequest.Channel, waitSeconds: Int) {
        self.query = Array(query)
        self.channel = channel.name
        start = channel.start
        waitMs = Int64(waitSeconds) * 1_000
    }

    /// Whether nothing is newer for it while the stream stands at `top`.
    func waits(at top: StreamPosition) -> Bool { start.isCurrent(top) }

    fileprivate func isFor(_ other: UnsafeRawBufferPointer) -> Bool {
        query.count == other.count
            && query.withUnsafeBytes { memcmp($0.baseAddress!, other.baseAddress!, $0.count) == 0 }
    }
}

/// The queries of polls that were read before.
///
/// The next one that is byte for byte the same need not be read. All clients that wait in a channel are given the same
/// cursor and come back with it: of a thousand polls between two publications one is read, and the others are only
/// compared. One shard's; at most `limit` queries, of which a newer one replaces an older one with the same hash.
struct PollPlans {
    private static let limit = 1_024
    private static let longestQuery = 1_024

    /// Empty until there is something to remember.
    private var plans: [PollPlan?] = []

    func find(_ query: UnsafeRawBufferPointer) -> PollPlan? {
        guard !plans.isEmpty, !query.isEmpty else { return nil }
        guard let plan = plans[PollPlans.slot(of: query)], plan.isFor(query) else { return nil }
        return plan
    }

    mutating func remember(_ plan: PollPlan) {
        guard plan.query.count <= PollPlans.longestQuery else { return }
        if plans.isEmpty { plans = Array(repeating: nil, count: PollPlans.limit) }
        plans[plan.query.withUnsafeBytes { PollPlans.slot(of: $0) }] = plan
    }

    /// The slot of a query by its hash, eight bytes at a time.
    ///
    /// A client that makes hashes meet makes its own polls slower, and nothing else.
    private static func slot(of query: UnsafeRawBufferPointer) -> Int {
        var hash = UInt64(truncatingIfNeeded: query.count)
        var offset = 0
        while offset + 8 <= query.count {
            hash = mixed(hash ^ query.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
            offset += 8
        }
        while offset < query.count {
            hash = mixed(hash ^ UInt64(query[offset]))
            offset += 1
        }
        return Int(hash % UInt64(limit))
    }

    private static func mixed(_ value: UInt64) -> UInt64 {
        let product = value &* 0x9E37_79B9_7F4A_7C15
        return product ^ product >> 32
    }
}

extension PollRequest.Start {
    /// Whether a reader that begins here misses nothing while the stream is at `top`.
    func isCurrent(_ top: StreamPosition) -> Bool {
        switch self {
        case .newest: true
        case .after(let from): from.offset == top.offset && (from.epoch.isEmpty || from.epoch == top.epoch)
        case .oldest: false
        }
    }
}
