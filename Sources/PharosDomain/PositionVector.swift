/// The positions of a reader in several streams, as its cursor has them.
///
/// They are kept by the channels' names, or by hashes of them. A hash may be another channel's. That does no harm: the
/// epoch that comes with it is another one, and a client that reads from there gets a gap reported.
package struct PositionVector: Equatable, Sendable {
    private enum Entries: Equatable {
        case named([ChannelName: StreamPosition])
        case hashed([UInt64: StreamPosition], ChannelHash)
        case lost
    }

    private let entries: Entries

    package init(_ positions: [ChannelName: StreamPosition]) {
        entries = .named(positions)
    }

    /// - Parameter positions: by what `hash` makes of the channels' names.
    package init(_ positions: [UInt64: StreamPosition], by hash: ChannelHash) {
        entries = .hashed(positions, hash)
    }

    private init(lost: Void) {
        entries = .lost
    }

    /// The positions of a reader that mean nothing here.
    ///
    /// In every stream continuity is lost, and is to be reported as lost.
    package static let lost = PositionVector(lost: ())

    package func position(of channel: ChannelName) -> StreamPosition? {
        switch entries {
        case .named(let positions): positions[channel]
        case .hashed(let positions, let hash): positions[hash(channel)]
        case .lost: StreamPosition(offset: 0, epoch: "_")
        }
    }

    package var count: Int {
        switch entries {
        case .named(let positions): positions.count
        case .hashed(let positions, _): positions.count
        case .lost: 0
        }
    }
}

/// The hash that stands for a channel's name in a cursor.
///
/// It is the same in every process and version.
package struct ChannelHash: Equatable, Sendable {
    /// Bytes that are kept of the hash, 1 to 8.
    package let width: Int
    /// Distinguishes names with the same hash under another salt, 0 to 15.
    package let salt: UInt8

    package init(width: Int, salt: UInt8) {
        self.width = width
        self.salt = salt
    }

    package static let saltLimit: UInt8 = 16

    package func callAsFunction(_ channel: ChannelName) -> UInt64 {
        ChannelHash.whole(channel, salt) >> UInt64(64 - width * 8)
    }

    /// FNV-1a, whose bits are then mixed.
    package static func whole(_ channel: ChannelName, _ salt: UInt8) -> UInt64 {
        var hash = (0xcbf2_9ce4_8422_2325 ^ UInt64(salt)) &* 0x100_0000_01b3
        for byte in channel.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ hash >> 33) &* 0xff51_afd7_ed55_8ccd
        hash = (hash ^ hash >> 33) &* 0xc4ce_b9fe_1a85_ec53
        return hash ^ hash >> 33
    }
}
