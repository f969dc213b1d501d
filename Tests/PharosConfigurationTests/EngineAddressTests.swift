import PharosConfiguration
import PharosDomain
import Testing

@Suite("Addresses of engines")
struct EngineAddressTests {
    private func redis(_ addresses: String) throws -> RedisEngineOptions {
        try load("engine: {type: redis, redis: {address: \(addresses)}}").configuration.settings.engine.redis
    }

    @Test("URLs of Redis hold what has keys of its own")
    func redisURLs() throws {
        var options = try redis("['redis://app:s%40c@10.0.0.1:6380/2?connect_timeout=1s']")
        #expect(options.addresses == ["10.0.0.1:6380"] && options.user == "app" && options.password == "s@c")
        #expect(options.database == 2 && !options.tls.enabled)
        options = try redis("'rediss://:pw@a:1, rediss://:pw@b:2'")
        #expect(
            options.addresses == ["a:1", "b:2"] && options.password == "pw" && options.user == "" && options.tls.enabled
        )
        options = try redis("[a:1, 'redis://b']")
        #expect(options.addresses == ["a:1", "b"])
        options = try redis(
            "['redis+sentinel://:pw@a:1?sentinel_master_name=m&addr=b:2&sentinel_user=u&sentinel_password=sp']")
        #expect(
            options.sentinelAddresses == ["a:1", "b:2"] && options.sentinelMaster == "m" && options.password == "pw")
        #expect(options.sentinelUser == "u" && options.sentinelPassword == "sp" && options.addresses == [])
        options = try redis("['redis+cluster://u:pw@a:1?addr=b:2&tls_enabled=true']")
        #expect(options.clusterAddresses == ["a:1", "b:2"] && options.user == "u" && options.tls.enabled)
        options = try load("engine: {type: redis, redis: {cluster_address: ['a:1,b:2', c:3]}}").configuration.settings
            .engine.redis
        #expect(options.clusterAddresses == ["a:1", "b:2", "c:3"])
    }

    @Test("URLs of NATS hold credentials")
    func natsURLs() throws {
        func nats(_ url: String) throws -> NATSEngineOptions {
            try load("engine: {type: nats, nats: {url: \(url)}}").configuration.settings.engine.nats
        }
        var options = try nats("'nats://u:pw@a:1,nats://u:pw@b:2'")
        #expect(options.urls == ["nats://a:1", "nats://b:2"] && options.user == "u" && options.password == "pw")
        options = try nats("['tls://token@a:1']")
        #expect(options.urls == ["tls://a:1"] && options.token == "token" && options.user == "")
    }

    @Test(
        "what cannot be is refused without showing the address",
        arguments: [
            ("['redis://s3cr3t@a:1', 'redis://b:2']", "all addresses need the same"),
            ("['unix:///run/s3cr3t']", "sockets of the file system"),
            ("['http://s3cr3t:1']", "expected a host and a port"),
            ("['redis+sentinel://s3cr3t:1']", "`sentinel_master_name`"),
            ("['redis://s3cr3t:1/db']", "number of a database"),
            ("['redis://s3cr3t:1?nonsense=1']", "unknown option `nonsense`"),
            ("['redis://s3cr3t:a:b:c@']", "expected a host"),
            ("['redis+cluster://a:1', 'redis+cluster://b:2']", "one address of a cluster"),
        ])
    func refused(addresses: String, message: String) {
        let found = problems("engine: {type: redis, redis: {address: \(addresses)}}")
        #expect(found.count == 1 && found[0].contains("engine.redis.address") && found[0].contains(message), "\(found)")
        #expect(!found.joined().contains("s3cr3t"))
    }

    @Test("show leaves out the passwords of addresses")
    func shown() throws {
        let report = try load(
            """
            engine:
              type: redis
              redis: {address: ["redis://u:s3cr3t@a:1?sentinel_master_name=m&sentinel_password=s3cr3t&addr=b:2"]}
              nats: {url: "nats://u:s3cr3t@a:1"}
            """
        ).report()
        #expect(!report.contains("s3cr3t"))
        #expect(report.contains("redis://…@a:1?sentinel_master_name=m&sentinel_password=…&addr=b:2"))
    }
}
