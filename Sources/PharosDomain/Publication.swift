/// The position of a reader in a stream.
///
/// Everything up to and including `offset` of `epoch` has been seen.
package struct StreamPosition: Equatable, Hashable, Sendable {
    package var offset: UInt64
    /// Changes only when the stream's memory was lost. Empty: not known.
    package var epoch: Epoch

    package init(offset: UInt64 = 0, epoch: Epoch = "") {
        self.offset = offset
        self.epoch = epoch
    }
}

/// The client that published, or that is present.
package struct ClientInfo: Equatable, Sendable {
    package var user: UserID
    package var client: ClientName
    /// Opaque bytes. Empty: none.
    package var connectionInfo: [UInt8]
    package var channelInfo: [UInt8]

    package init(user: UserID, client: ClientName, connectionInfo: [UInt8] = [], channelInfo: [UInt8] = []) {
        self.user = user
        self.client = client
        self.connectionInfo = connectionInfo
        self.channelInfo = channelInfo
    }

    /// The client as others see it where its identity is hidden.
    package static let nobody = ClientInfo(user: "", client: "")
}

/// One message in a channel.
package struct Publication: Equatable, Sendable {
    /// Opaque bytes.
    package var data: [UInt8]
    package var info: ClientInfo?
    /// From 1, without gaps, in streams with history; 0 in channels without.
    package var offset: UInt64
    package var tags: [TagKey: String]
    /// Milliseconds since 1970; 0: not set.
    package var timeMs: Int64
    /// Whether `data` is JSON.
    ///
    /// Anything else reaches clients that speak JSON as base64, with a flag.
    package var isJSON = true
    /// `data` is a JSON text of base64.
    ///
    /// It is on the way to a subscriber that reads deltas in JSON.
    package var isBase64 = false
    /// `data` is a difference from the publication before.
    ///
    /// It is on the way to a subscriber that asked for that.
    package var isDelta = false
    /// Whether it may reach subscribers as a difference from the one before.
    package var allowsDelta = false

    package init(
        data: [UInt8], info: ClientInfo? = nil, offset: UInt64 = 0, tags: [TagKey: String] = [:], timeMs: Int64 = 0
    ) {
        self.data = data
        self.info = info
        self.offset = offset
        self.tags = tags
        self.timeMs = timeMs
    }
}
