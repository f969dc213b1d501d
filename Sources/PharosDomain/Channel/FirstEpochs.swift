/// The epochs of streams that nothing was published to yet.
///
/// They are made from seeds, so that nothing is kept for such a stream.
///
/// A client that looks at an empty stream gets the epoch that its first publication will have. A stream whose memory
/// was lost must begin in another epoch than before, so its seed changes then. Channels share seeds: those that are
/// still empty and have the same one get another epoch too, which their clients hear of.
package struct FirstEpochs: Sendable {
    package static let seedCount = 1_024
    private let seed: UInt64
    private var changed: [Int: UInt64]

    /// - Parameter changed: the seeds that are not `seed` any more, by number.
    package init(seed: UInt64 = .random(in: .min ... .max), changed: [Int: UInt64] = [:]) {
        self.seed = seed
        self.changed = changed
    }

    /// Eight letters and digits, for each channel others.
    package func epoch(of channel: ChannelName) -> Epoch {
        let seed = changed[FirstEpochs.seedNumber(of: channel)] ?? seed
        return FirstEpochs.name(FirstEpochs.hash(channel.utf8, seed))
    }

    /// The memory of the channel's stream is lost: it gets another seed.
    ///
    /// - Returns: the seed and its number, for a store that keeps it.
    @discardableResult
    package mutating func forget(_ channel: ChannelName) -> (number: Int, seed: UInt64) {
        let number = FirstEpochs.seedNumber(of: channel)
        let seed = UInt64.random(in: .min ... .max)
        changed[number] = seed
        return (number, seed)
    }

    /// The same in every process.
    private static func seedNumber(of channel: ChannelName) -> Int { Int(hash(channel.utf8, 0) % UInt64(seedCount)) }

    package static func hash(_ bytes: some Sequence<UInt8>, _ seed: UInt64) -> UInt64 {
        var hash = seed
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ hash >> 32) &* 0x9e37_79b9_7f4a_7c15
        return hash ^ hash >> 29
    }

    package static func name(_ hash: UInt64) -> Epoch {
        let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        var rest = hash
        return Epoch(
            decoding: (0..<8).map { _ in
                defer { rest /= 62 }
                return alphabet[Int(rest % 62)]
            })
    }
}
