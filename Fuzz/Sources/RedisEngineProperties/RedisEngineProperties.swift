import PharosDomain
import PharosLinks
import PharosRedis

@testable import PharosRedisEngine

/// The properties of what the engine over Redis is sent, for any input.
package enum RedisEngineProperties {
    /// Nothing that a server replies or another node publishes ends the process.
    ///
    /// The first byte chooses the decoder.
    ///
    /// - Returns: the property that is violated, or nil.
    package static func replies(_ input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let body = Array(input.dropFirst())
        switch first % 4 {
        case 0: return message(body)
        case 1:
            let names = RedisNames(prefix: "pharos")
            guard let channel = names.channel(ofMessages: body) else { return nil }
            // The tag may be another one than the channel's: the name alone counts.
            return names.channel(ofMessages: Array(names.messages(channel).utf8)) == channel ? nil : "another channel"
        default: return values(body)
        }
    }

    private static func message(_ body: [UInt8]) -> String? {
        guard let message = EngineMessage(body) else { return nil }
        guard message.envelope.endIndex == body.endIndex else { return "bytes behind the envelope" }
        guard let token = message.token else { return nil }
        return OwnToken(Array(token.text.utf8)[...]) == token ? nil : "another token"
    }

    private static func values(_ body: [UInt8]) -> String? {
        var parser = RESPParser(limits: RESPLimits(bulkBytes: 4_096, elements: 1_024, valueBytes: 16_384))
        return body.withUnsafeBytes { bytes in
            var rest = bytes
            while let value = (try? parser.next(&rest)).flatMap({ $0 }) {
                if let violation = reply(value) { return violation }
            }
            return nil
        }
    }

    private static func reply(_ value: RESPValue) -> String? {
        _ = try? value.position()
        _ = try? RedisEngineCore.published(value)
        if let map = ClusterMap(value, host: "127.0.0.1") {
            guard map.masters.allSatisfy({ map.tag(of: $0) != nil }) else { return "a master without a tag" }
        }
        guard let read = try? RedisEngineCore.read(value) else { return nil }
        return read.publications.count <= 1_024 ? nil : "more publications than elements"
    }
}
