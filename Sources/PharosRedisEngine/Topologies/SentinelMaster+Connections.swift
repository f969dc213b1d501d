import PharosLinks
import PharosRedis

/// The news of the connections to sentinels.
extension SentinelMaster: RedisConnectionOwner {
    func greeted(_ connection: RedisConnection, _ server: RedisServer) {
        connection.becomeReady()
        if connection === asking { return look() }
        let order = RedisSubscriptionOrder(.channel, isSubscribe: true, channels: [Array("+switch-master".utf8)])
        connection.change(order, withinMs: settings.requestTimeoutMs) { _ in }
    }

    func lost(_ connection: RedisConnection) {
        isAsking = isAsking && connection !== asking
        // Requests that wait for the first answer wait no more.
        if address == nil, connection === asking { owner?.topologyChanged() }
    }

    func heard(_ event: RedisEvent, _ connection: RedisConnection) {
        guard case .message(_, let payload) = event else { return }
        let words = String(decoding: payload, as: UTF8.self).split(separator: " ")
        guard words.count == 5, words[0] == name, let from = UInt16(words[2]), let port = UInt16(words[4]) else {
            return
        }
        // Late news of an earlier failover do not count.
        guard address == LinkAddress(host: String(words[1]), port: from) else { return look() }
        epoch += 1
        found(LinkAddress(host: String(words[3]), port: port))
    }
}
