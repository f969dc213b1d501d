import PharosDomain

/// The channels that share streams, since the same limits hold for them.
///
/// Sizes are rounded up, so that there are few classes, and a small change of a namespace's size keeps its history.
/// Readers apply the exact size and the time to live. The server itself forgets a subject after `memoryMs`.
struct RetentionClass: Hashable, Sendable {
    /// Messages of a channel beyond its history.
    ///
    /// Signals and markers that wait for their removal.
    static let slack = 8
    private static let leastSize = 16
    /// Beyond these, which no configuration allows, nothing is told apart.
    ///
    /// The server counts nanoseconds in 63 bits.
    private static let mostSize = 1 << 40
    private static let mostMemoryMs: Int64 = 1 << 43

    /// Publications of a channel.
    let size: Int
    /// How long a channel's last message is kept, in milliseconds; 0: for ever.
    let memoryMs: Int64
    let isInMemory: Bool

    init(_ retention: StreamRetention, isInMemory: Bool) {
        var size = retention.size == 0 ? 0 : RetentionClass.leastSize
        while size < min(retention.size, RetentionClass.mostSize) { size *= 2 }
        self.size = size
        let memoryMs = retention.metaTTLMs == 0 ? 0 : max(retention.metaTTLMs, retention.ttlMs, 0)
        self.memoryMs = min(memoryMs, RetentionClass.mostMemoryMs)
        self.isInMemory = isInMemory
    }

    init(_ options: ChannelOptions, _ settings: ChannelSettings) {
        var retention = StreamRetention(options, settings)
        if !options.hasHistory { (retention.size, retention.ttlMs) = (0, 0) }
        self.init(retention, isInMemory: options.durability == .memory)
    }

    /// A token of subjects and of the names of streams.
    var name: String { "\(isInMemory ? "M" : "F")\(size)-\(memoryMs / 1_000)" }
}

/// One stream: a part of the channels of a class.
struct StreamID: Hashable, Sendable {
    let retention: RetentionClass
    let part: Int

    init(_ retention: RetentionClass, part: Int) {
        self.retention = retention
        self.part = part
    }

    /// The stream of a channel; the same on each node and for ever.
    init(of channel: ChannelName, _ retention: RetentionClass, streams: Int) {
        self.retention = retention
        part = Int(FirstEpochs.hash(channel.utf8, 0) % UInt64(max(streams, 1)))
    }
}
