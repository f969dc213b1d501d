import PharosDomain

extension StreamOperation {
    /// About the bytes that it holds while it waits.
    var size: Int {
        let overhead = 256
        guard case .append(let append) = self else { return overhead }
        var size =
            overhead + append.channel.utf8.count + append.publication.data.count + append.idempotencyKey.utf8.count
        if let info = append.publication.info { size += info.connectionInfo.count + info.channelInfo.count }
        for (key, value) in append.publication.tags { size += key.utf8.count + value.utf8.count + 32 }
        return size
    }

    var channel: ChannelName {
        switch self {
        case .append(let append): append.channel
        case .read(let channel, _, _, _, _), .readBackwards(let channel, _, _, _, _), .removeHistory(let channel):
            channel
        }
    }

    /// Whether it can be carried out while nothing can be written.
    var isRead: Bool {
        switch self {
        case .read, .readBackwards: true
        case .append(let append):
            append.history == .skipped && append.version == 0 && append.idempotencyKey.isEmpty
        case .removeHistory: false
        }
    }
}
