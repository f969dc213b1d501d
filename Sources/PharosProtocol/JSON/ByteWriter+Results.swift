import PharosBytes
import PharosDomain

/// The fields of the messages inside replies and pushes.
///
/// The braces around them are written elsewhere.
extension ByteWriter {
    mutating func jsonFields(_ result: ConnectResult) {
        jsonField("client", string: result.client)
        jsonField("version", string: result.version)
        jsonField("expires", bool: result.expires)
        jsonField("ttl", unsigned: UInt64(result.ttl))
        jsonField("data", payload: result.data)
        if !result.subscriptions.isEmpty {
            beginJSONObject("subs")
            for (channel, subscription) in result.subscriptions {
                jsonKey(channel)
                beginJSONObject()
                jsonFields(subscription)
                endJSONObject()
            }
            endJSONObject()
        }
        jsonField("ping", unsigned: UInt64(result.ping))
        jsonField("pong", bool: result.pong)
        jsonField("session", string: result.session)
        jsonField("node", string: result.node)
        jsonField("time", signed: result.timeMs)
    }

    mutating func jsonFields(_ result: SubscribeResult) {
        jsonField("expires", bool: result.expires)
        jsonField("ttl", unsigned: UInt64(result.ttl))
        jsonField("recoverable", bool: result.recoverable)
        jsonField("epoch", string: result.epoch)
        jsonField("publications", publications: result.publications)
        jsonField("recovered", bool: result.recovered)
        jsonField("offset", unsigned: result.offset)
        jsonField("positioned", bool: result.positioned)
        jsonField("data", payload: result.data)
        jsonField("was_recovering", bool: result.wasRecovering)
        jsonField("delta", bool: result.delta)
    }

    mutating func jsonFields(_ publication: Publication, epoch: Epoch = "") {
        if publication.isJSON {
            jsonField("data", raw: publication.data)
            if publication.isBase64 { jsonBase64Flag("data") }
        } else {
            jsonField("data", payload: publication.data)
        }
        if let info = publication.info { jsonField("info", client: info) }
        jsonField("offset", unsigned: publication.offset)
        jsonField("tags", map: publication.tags)
        jsonField("delta", bool: publication.isDelta)
        jsonField("time", signed: publication.timeMs)
        jsonField("epoch", string: epoch)
    }

    mutating func jsonField(_ name: StaticString, publications: [Publication]) {
        if !publications.isEmpty { jsonList(name, publications: publications) }
    }

    /// The list even if it is empty.
    mutating func jsonList(_ name: StaticString, publications: [Publication]) {
        beginJSONArray(name)
        for publication in publications {
            nextJSONElement()
            beginJSONObject()
            jsonFields(publication)
            endJSONObject()
        }
        endJSONArray()
    }

    mutating func jsonFields(_ client: ClientInfo) {
        jsonText("user", client.user)
        jsonText("client", client.client)
        jsonField("conn_info", payload: client.connectionInfo)
        jsonField("chan_info", payload: client.channelInfo)
    }

    mutating func jsonField(_ name: StaticString, client: ClientInfo) {
        beginJSONObject(name)
        jsonFields(client)
        endJSONObject()
    }

    /// The map even if it is empty.
    mutating func jsonMap(_ name: StaticString, clients: [ClientName: ClientInfo]) {
        beginJSONObject(name)
        for (id, client) in clients {
            jsonKey(id)
            beginJSONObject()
            jsonFields(client)
            endJSONObject()
        }
        endJSONObject()
    }

    /// The event, as a member of the push.
    mutating func jsonEvent(_ event: Push.Event) {
        switch event {
        case .publication(let publication, let epoch):
            beginJSONObject("pub")
            jsonFields(publication, epoch: epoch)
        case .join(let client):
            beginJSONObject("join")
            jsonField("info", client: client)
        case .leave(let client):
            beginJSONObject("leave")
            jsonField("info", client: client)
        case .unsubscribe(let reason):
            beginJSONObject("unsubscribe")
            jsonField("code", unsigned: UInt64(reason.code))
            jsonField("reason", string: reason.reason)
        case .message(let data):
            beginJSONObject("message")
            jsonField("data", payload: data)
        case .subscribe(let subscription):
            beginJSONObject("subscribe")
            jsonField("recoverable", bool: subscription.recoverable)
            jsonField("epoch", string: subscription.epoch)
            jsonField("offset", unsigned: subscription.offset)
            jsonField("positioned", bool: subscription.positioned)
            jsonField("data", payload: subscription.data)
        case .connect(let result):
            beginJSONObject("connect")
            jsonFields(result)
        case .disconnect(let disconnect):
            beginJSONObject("disconnect")
            jsonField("code", unsigned: UInt64(disconnect.code))
            jsonField("reason", string: disconnect.reason)
        case .refresh(let expires, let ttl):
            beginJSONObject("refresh")
            jsonField("expires", bool: expires)
            jsonField("ttl", unsigned: UInt64(ttl))
        }
        endJSONObject()
    }
}
