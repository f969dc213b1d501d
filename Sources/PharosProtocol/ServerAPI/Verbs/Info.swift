package import PharosBytes
package import PharosDomain

/// `info`: the nodes and what they do.
package struct APIInfo: PlannedVerb {
    package init() {}

    package struct Output: VerbResult {
        package var nodes: [APINodeInfo]
    }

    package static var name: MethodName { "info" }

    package static var documentation: VerbDocumentation {
        let number = APISchema.integer("", minimum: 0)
        let node = [
            APIField("uid", .text("Its first six digits begin the ids of the node's clients.")),
            APIField("name", .text("")), APIField("version", .text("")),
            APIField("num_clients", number), APIField("num_users", number), APIField("num_subs", number),
            APIField("num_channels", number), APIField("uptime", .integer("Seconds.", minimum: 0)),
            APIField("metrics", .map(.any(""), "")), APIField("process", .map(.any(""), "CPU and memory.")),
        ]
        return VerbDocumentation(
            "The nodes and what they do",
            result: [APIField("nodes", .list(.reference("Node"), ""), required: true)],
            schemas: [NamedSchema("Node", "One process of the server.", node)])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIInfo {
        _ = try scanner.apiFields(JSONEmpty.self)
        return APIInfo()
    }

    package var route: VerbRoute { .allShards }

    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan { .one(.summary) }
}

/// One node in the result of `info`.
package struct APINodeInfo: Equatable, Sendable {
    package var uid = ""
    package var name = ""
    package var version = ""
    package var clients: UInt32 = 0
    package var users: UInt32 = 0
    package var subscriptions: UInt32 = 0
    package var channels: UInt32 = 0
    /// Seconds.
    package var uptime: UInt32 = 0
    package var metrics: Metrics?
    package var process: Process?

    package init() {}

    package struct Metrics: Equatable, Sendable {
        /// Seconds over which the items were gathered.
        package var interval: Double
        package var items: [String: Double]

        package init(interval: Double, items: [String: Double]) {
            self.interval = interval
            self.items = items
        }
    }

    package struct Process: Equatable, Sendable {
        /// Per cent of one core.
        package var cpu: Double
        /// Bytes.
        package var residentMemory: UInt64

        package init(cpu: Double, residentMemory: UInt64) {
            self.cpu = cpu
            self.residentMemory = residentMemory
        }
    }
}

extension APIInfo.Output {
    package func encode(into writer: inout ByteWriter) {
        writer.jsonField("nodes", list: nodes) { node, writer in node.encode(into: &writer) }
    }
}

extension APINodeInfo {
    fileprivate func encode(into writer: inout ByteWriter) {
        writer.jsonText("uid", uid)
        writer.jsonText("name", name)
        writer.jsonText("version", version)
        writer.jsonCount("num_clients", UInt64(clients))
        writer.jsonCount("num_users", UInt64(users))
        writer.jsonCount("num_subs", UInt64(subscriptions))
        writer.jsonCount("num_channels", UInt64(channels))
        writer.jsonCount("uptime", UInt64(uptime))
        if let metrics {
            writer.beginJSONObject("metrics")
            writer.jsonName("interval")
            writer.appendJSONDecimal(metrics.interval)
            writer.beginJSONObject("items")
            for (name, value) in metrics.items {
                writer.jsonKey(name)
                writer.appendJSONDecimal(value)
            }
            writer.endJSONObject()
            writer.endJSONObject()
        }
        if let process {
            writer.beginJSONObject("process")
            writer.jsonName("cpu")
            writer.appendJSONDecimal(process.cpu)
            writer.jsonCount("rss", process.residentMemory)
            writer.endJSONObject()
        }
    }
}

extension APIResult {
    package static func info(_ nodes: [APINodeInfo]) -> APIResult { .value(APIInfo.Output(nodes: nodes)) }
}
