import PharosProtocol

/// The configuration that a stream is made with.
///
/// It also says whether one that is there can be used.
struct StreamConfiguration {
    /// The version of our subjects, headers and payloads.
    static let schema = "1"

    let id: StreamID
    let names: StreamNames
    let settings: NATSEngineSettings

    /// The request that makes the stream.
    ///
    /// Its sequences begin where those of no earlier stream of this name have come to: a thousand for each millisecond
    /// since 1970. So a guard that a node has kept from an earlier stream never holds in a new one.
    func creation(wallMs: Int64) -> [UInt8] {
        let kind = id.retention
        let text = """
            {"name":"\(names.stream(id))","subjects":["\(names.all(id))"],"retention":"limits","discard":"old",\
            "storage":"\(kind.isInMemory ? "memory" : "file")","num_replicas":\(settings.replicas),\
            "max_age":\(kind.memoryMs * 1_000_000),"max_msgs_per_subject":\(kind.size + RetentionClass.slack),\
            "allow_direct":true,"allow_atomic":true,"allow_rollup_hdrs":true,"allow_msg_ttl":true,\
            "republish":{"src":"\(names.channels(id))","dest":"\(names.liveTemplate)"},\
            "first_seq":\(max(wallMs, 1) * 1_000),\
            "metadata":{"pharos_schema":"\(StreamConfiguration.schema)","pharos_streams":"\(settings.streams)"}}
            """
        return Array(text.utf8)
    }

    /// Why a stream with such metadata cannot be used; nil: it can.
    func objection(to found: StreamDescription) -> String? {
        StreamConfiguration.objection(to: found, named: names.stream(id), settings)
    }

    static func objection(
        to found: StreamDescription, named name: String, _ settings: NATSEngineSettings
    ) -> String? {
        guard found.schema == StreamConfiguration.schema else {
            return "stream \(name) has schema \(found.schema ?? "none"), this server needs "
                + StreamConfiguration.schema
        }
        guard found.streams == String(settings.streams) else {
            return "stream \(name) is one of \(found.streams ?? "?") per class, this server is configured for "
                + "\(settings.streams)"
        }
        return nil
    }
}
