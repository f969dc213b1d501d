package import PharosBytes
package import PharosDomain

/// `channel_info`: a channel's position, what it keeps, and how many are in it.
package struct APIChannelInfo: PlannedVerb {
    package var channel: ChannelName

    package init(channel: ChannelName) { self.channel = channel }

    package struct Output: VerbResult {
        /// nil without history; the same for `retention`.
        package var position: StreamPosition?
        package var retention: ChannelRetention?
        /// Subscriptions on all shards.
        package var subscribers = 0
        /// nil where presence is not kept.
        package var members: APIPresenceStats.Output?
    }

    package static var name: MethodName { "channel_info" }

    package static var documentation: VerbDocumentation {
        let position = [
            APIField("offset", .integer("Of the newest publication.", minimum: 0), required: true),
            APIField("epoch", .text("Epoch of the stream."), required: true),
        ]
        let retention = [
            APIField("history_size", .integer("Publications that are kept.", minimum: 0), required: true),
            APIField("history_ttl", .integer("Seconds for which they are kept.", minimum: 0), required: true),
            APIField("durability", .text("`disk`: they survive a crash; `memory`: they do not."), required: true),
        ]
        return VerbDocumentation(
            "A channel's position, what it keeps, and how many are in it", request: [.channel],
            result: [
                APIField("position", .object(position, "Of its stream; absent without history.")),
                APIField("retention", .object(retention, "Of its stream; absent without history.")),
                APIField(
                    "num_subscribers",
                    .integer("Subscriptions, those inside an embedding program among them.", minimum: 0),
                    required: true),
                APIField("num_clients", .integer("Clients that are present; absent without presence.", minimum: 0)),
                APIField("num_users", .integer("Different users of those clients.", minimum: 0)),
            ])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIChannelInfo {
        APIChannelInfo(channel: try scanner.apiChannel())
    }

    package var route: VerbRoute { .owner(of: channel) }

    /// Asks only for those parts that the channel has.
    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan {
        let options = try rules.resolve(channel).options
        var operations: [ShardOperation] = [.countSubscribers(channel)]
        if options.hasHistory {
            // Without a limit it reads the position alone.
            var history = APIHistory()
            history.channel = channel
            operations += [.read(history, options), .retention(options)]
        }
        if options.presence { operations.append(.memberCounts(channel)) }
        return .several(operations) { answers in Output(answers, of: channel) }
    }
}

/// The part of its publications that a channel keeps, and whether durably.
package struct ChannelRetention: VerbResult {
    /// Publications.
    package var size: Int
    /// Seconds.
    package var ttl: Int
    /// Whether it survives a crash.
    package var isDurable: Bool

    package init(_ options: ChannelOptions, isDurable: Bool) {
        size = options.historySize
        ttl = options.historyTTL
        self.isDurable = isDurable
    }

    package func encode(into writer: inout ByteWriter) {
        writer.jsonCount("history_size", UInt64(clamping: size))
        writer.jsonCount("history_ttl", UInt64(clamping: ttl))
        writer.jsonName("durability")
        writer.appendJSONString(isDurable ? "disk" : "memory")
    }
}

extension APIChannelInfo.Output {
    fileprivate init(_ answers: [APIResult], of channel: ChannelName) {
        for answer in answers {
            switch answer {
            case .history(_, let top): position = top
            case .presenceStats(let clients, let users): members = .init(clients: clients, users: users)
            case .value(let kept as ChannelRetention): retention = kept
            case .value(let counts as APIChannels.Output): subscribers = counts.channels[channel] ?? 0
            default: break
            }
        }
    }

    package func encode(into writer: inout ByteWriter) {
        if let position {
            writer.beginJSONObject("position")
            writer.jsonCount("offset", position.offset)
            writer.jsonText("epoch", position.epoch)
            writer.endJSONObject()
        }
        if let retention {
            writer.beginJSONObject("retention")
            retention.encode(into: &writer)
            writer.endJSONObject()
        }
        writer.jsonCount("num_subscribers", UInt64(clamping: subscribers))
        members?.encode(into: &writer)
    }
}
