package import PharosDomain

/// Takes apart the URLs of engines.
///
/// A URL may hold what has keys of its own: user, password, database, TLS, sentinels. The URL wins.
package enum EngineAddresses {
    package struct Fault: Equatable, Sendable {
        package var key: String
        package var message: String
    }

    /// The settings with plain addresses.
    ///
    /// Settings that have them already stay the same.
    package static func resolve(_ engine: EngineSettings) -> (engine: EngineSettings, faults: [Fault]) {
        var engine = engine
        var faults: [Fault] = []
        resolve(&engine.nats, &faults)
        resolve(&engine.redis, &faults)
        return (engine, faults)
    }

    // MARK: Redis

    private static func resolve(_ redis: inout RedisEngineOptions, _ faults: inout [Fault]) {
        let key = "engine.redis.address"
        redis.clusterAddresses = split(redis.clusterAddresses)
        redis.sentinelAddresses = split(redis.sentinelAddresses)
        var urls: [RedisURL] = []
        for address in redis.addresses {
            do throws(TypeMismatch) {
                urls.append(try RedisURL(address))
            } catch {
                faults.append(Fault(key: key, message: error.message))
                return
            }
        }
        guard let first = urls.first, redis.addresses.contains(where: { $0.contains("://") }) else { return }
        guard urls.allSatisfy({ haveInCommon($0, first) }) else {
            let message =
                "all addresses need the same scheme, user, password and database: one of each is used for all servers"
            faults.append(Fault(key: key, message: message))
            return
        }
        if first.topology != .standalone, urls.count > 1 {
            let message = "give one address of a cluster or of sentinels, with `addr` for further hosts"
            faults.append(Fault(key: key, message: message))
            return
        }
        apply(first, &redis)
        switch first.topology {
        case .standalone: redis.addresses = urls.flatMap(\.hosts)
        case .cluster: (redis.clusterAddresses, redis.addresses) = (first.hosts, [])
        case .sentinel:
            (redis.sentinelAddresses, redis.addresses) = (first.hosts, [])
            redis.sentinelMaster = first.sentinelMaster ?? redis.sentinelMaster
        }
    }

    private static func haveInCommon(_ one: RedisURL, _ other: RedisURL) -> Bool {
        one.topology == other.topology && one.user == other.user && one.password == other.password
            && one.database == other.database && one.isTLS == other.isTLS
    }

    private static func apply(_ url: RedisURL, _ redis: inout RedisEngineOptions) {
        redis.user = url.user ?? redis.user
        redis.password = url.password ?? redis.password
        redis.database = url.database ?? redis.database
        redis.sentinelUser = url.sentinelUser ?? redis.sentinelUser
        redis.sentinelPassword = url.sentinelPassword ?? redis.sentinelPassword
        if url.isTLS { redis.tls.enabled = true }
    }

    // MARK: NATS

    private static func resolve(_ nats: inout NATSEngineOptions, _ faults: inout [Fault]) {
        let urls = split(nats.urls)
        var found: [(user: String?, password: String?)] = []
        nats.urls = urls.map { url in
            guard let mark = url.firstRange(of: "://")?.upperBound, url[mark...].contains("@") else { return url }
            var rest = url[mark...]
            found.append(URLParts.credentials(&rest))
            return String(url[..<mark] + rest)
        }
        guard let first = found.first else { return }
        guard found.allSatisfy({ $0 == first }) else {
            let message = "all addresses need the same credentials: one of each is used for all servers"
            faults.append(Fault(key: "engine.nats.url", message: message))
            return
        }
        if let password = first.password {
            (nats.user, nats.password) = (first.user ?? "", password)
        } else {
            nats.token = first.user ?? nats.token
        }
    }

    /// Several hosts may stand in one text.
    private static func split(_ addresses: [String]) -> [String] {
        addresses.flatMap { $0.split(separator: ",").map { $0.trimmedOfSpaces } }
    }
}

extension Substring {
    fileprivate var trimmedOfSpaces: String {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
