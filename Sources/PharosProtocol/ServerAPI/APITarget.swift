package import PharosDomain

/// Which connections a call is about: those for which everything that was named holds. Naming nothing names nobody.
package struct APITarget: Equatable, Sendable {
    package var user: UserID = ""
    package var client: ClientName = ""
    /// What a connect reply calls its session, or the key under which a client finds its state again.
    package var session: SessionKey = ""
    /// The connections that are subscribed to it.
    package var channel: ChannelName = ""
    /// Everybody; nothing else is named then, except a channel to leave.
    package var all = false
    /// Clients to pass over.
    package var exclude: Set<ClientID> = []

    package init() {}

    /// Clients that one call can pass over.
    package static let excludeLimit = 1_000

    /// Whether it can be one connection only.
    package var isSingle: Bool { !client.isEmpty || !session.isEmpty }

    package var isEmpty: Bool { user.isEmpty && client.isEmpty && session.isEmpty && channel.isEmpty && !all }
}

/// A message to connections themselves, in no channel.
package struct APISend: Equatable, Sendable {
    package var target = APITarget()
    package var data: [UInt8] = []
    /// Whether `data` may go to clients that speak JSON.
    package var dataIsJSON = false

    package init() {}
}

/// A page of the connections of this node.
package struct APIConnections: Equatable, Sendable {
    /// "": of any user.
    package var user: UserID = ""
    /// "": whatever they are subscribed to.
    package var channel: ChannelName = ""
    /// Connections per page, 1 to `pageLimit`.
    package var limit = 100
    /// The last client of the page before; nil: the first page.
    package var cursor: ClientID?

    package init() {}

    package static let pageLimit = 1_000
}

extension APIUnsubscribe {
    /// The subscribers that are meant.
    package var target: APITarget {
        var target = APITarget()
        (target.user, target.client, target.session) = (user, client, session)
        target.all = all
        target.exclude = exclude
        return target
    }
}

extension APIDisconnect {
    package var target: APITarget {
        var target = APITarget()
        (target.user, target.client, target.session, target.channel) = (user, client, session, channel)
        target.all = all
        target.exclude = exclude.union(whitelist.compactMap { ClientID($0) })
        return target
    }
}

extension APISubscribe {
    /// The connections that are to be subscribed.
    package var target: APITarget {
        var target = APITarget()
        (target.user, target.client, target.session) = (user, client, session)
        return target
    }
}

extension APIRefresh {
    package var target: APITarget {
        var target = APITarget()
        (target.user, target.client, target.session) = (user, client, session)
        return target
    }
}
