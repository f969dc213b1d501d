package import PharosDomain

/// The verbs of the server API. Everything that lists them is derived from here.
package enum ServerAPI {
    /// Verbs that the shards carry out.
    package static let verbs: [any ShardVerb.Type] = [
        APIPublish.self, APIBroadcast.self, APISubscribe.self, APIUnsubscribe.self, APIDisconnect.self,
        APIRefresh.self, APIPresence.self, APIPresenceStats.self, APIHistory.self, APIHistoryRemove.self,
        APIChannels.self, APIInfo.self, APIRPC.self, APIBatch.self, APISend.self, APIConnections.self,
        APIChannelInfo.self,
    ]

    /// Verbs that are answered beside the shards: by an address only, in no batch.
    package static let verbsApart: [any ServerVerb.Type] = [APISnapshot.self]

    /// All of them, shards' verbs first.
    package static let allVerbs: [any ServerVerb.Type] = verbs.map { $0 } + verbsApart

    /// The names that the scope of a key may list.
    package static let names: [MethodName] = allVerbs.map { $0.name }

    private static let byName = Dictionary(uniqueKeysWithValues: verbs.map { ($0.name, $0) })

    /// Whether shards carry out `name`.
    static func isVerb(_ name: MethodName) -> Bool { byName[name] != nil }

    /// Whether `name` is a verb of the protocol that Pharos does not offer.
    ///
    /// These are maps and shared poll; they are answered with 108.
    package static func isDeclined(_ name: MethodName) -> Bool {
        name.hasPrefix("map_") || name == "shared_poll_publish"
    }

    /// The part of the server that answers `POST /api/<name>`, be it with an error.
    package enum Home: Sendable {
        case shards
        case responder
    }

    /// nil: there is no such path, which is answered with 404.
    package static func home(of name: MethodName) -> Home? {
        // The hot path needs no search.
        if name == APIPublish.name || isVerb(name) || isDeclined(name) { return .shards }
        return verbsApart.contains { $0.name == name } ? .responder : nil
    }

    /// Whether `path` is one that `POST` may be sent to.
    package static func serves(path: String) -> Bool {
        guard path.hasPrefix("/api/") else { return path == "/api" }
        return home(of: MethodName(path.dropFirst(5))) != nil
    }

    /// Reads the parameters of a shards' verb; nil: there is none of this name.
    static func read(_ name: MethodName, _ scanner: inout JSONScanner) throws(ReplyError) -> APIRequest? {
        // The hot path needs no search.
        if name == APIPublish.name { return .publish(try APIPublish.decode(&scanner)) }
        guard let verb = byName[name] else { return nil }
        return try verb.readRequest(&scanner)
    }
}
