package import PharosDomain

/// The clients in each channel, in this process's memory.
///
/// Entries go with their connections, so none needs a lease.
package struct MemoryPresenceStore: ~Copyable {
    private struct Members {
        var clients: [ClientName: ClientInfo] = [:]
        var connectionsByUser: [UserID: Int] = [:]
    }

    private var channels: [ChannelName: Members] = [:]

    package init() {}

    package var channelCount: Int { channels.count }

    package mutating func add(_ info: ClientInfo, to channel: ChannelName) {
        if channels[channel, default: Members()].clients.updateValue(info, forKey: info.client) == nil {
            channels[channel]!.connectionsByUser[info.user, default: 0] += 1
        }
    }

    package mutating func remove(client: ClientName, from channel: ChannelName) {
        guard let info = channels[channel]?.clients.removeValue(forKey: client) else { return }
        let left = channels[channel]!.connectionsByUser[info.user]! - 1
        channels[channel]!.connectionsByUser[info.user] = left > 0 ? left : nil
        if channels[channel]!.clients.isEmpty { channels[channel] = nil }
    }

    /// By client id.
    package func members(of channel: ChannelName) -> [ClientName: ClientInfo] {
        channels[channel]?.clients ?? [:]
    }

    package func stats(of channel: ChannelName) -> (clients: Int, users: Int) {
        guard let members = channels[channel] else { return (0, 0) }
        return (members.clients.count, members.connectionsByUser.count)
    }
}
