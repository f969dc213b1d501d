package import PharosBytes
package import PharosDomain

/// Writes what the server says as one line of JSON, without a newline at its end.
///
/// Payloads are embedded as they are, except for line breaks; those that are not JSON as base64, with a flag.
package enum JSONReplyEncoder {
    package static func encode(_ reply: Reply, into writer: inout ByteWriter) {
        writer.beginJSONObject()
        writer.jsonField("id", unsigned: UInt64(reply.id))
        switch reply.result {
        case .error(let error):
            writer.beginJSONObject("error")
            writer.jsonField("code", unsigned: UInt64(error.code))
            writer.jsonField("message", string: error.message)
            writer.jsonField("temporary", bool: error.isTemporary)
        case .connect(let result):
            writer.beginJSONObject("connect")
            writer.jsonFields(result)
        case .subscribe(let result):
            writer.beginJSONObject("subscribe")
            writer.jsonFields(result)
        case .unsubscribe:
            writer.beginJSONObject("unsubscribe")
        case .publish:
            writer.beginJSONObject("publish")
        case .presence(let clients):
            writer.beginJSONObject("presence")
            writer.jsonMap("presence", clients: clients)
        case .presenceStats(let clients, let users):
            writer.beginJSONObject("presence_stats")
            writer.jsonCount("num_clients", UInt64(clients))
            writer.jsonCount("num_users", UInt64(users))
        case .history(let publications, let top):
            writer.beginJSONObject("history")
            writer.jsonList("publications", publications: publications)
            writer.jsonText("epoch", top.epoch)
            writer.jsonCount("offset", top.offset)
        case .ping:
            writer.beginJSONObject("ping")
        case .rpc(let data):
            writer.beginJSONObject("rpc")
            writer.jsonField("data", payload: data)
        case .refresh(let result):
            writer.beginJSONObject("refresh")
            writer.jsonField("client", string: result.client)
            writer.jsonField("version", string: result.version)
            writer.jsonField("expires", bool: result.expires)
            writer.jsonField("ttl", unsigned: UInt64(result.ttl))
        case .subRefresh(let expires, let ttl):
            writer.beginJSONObject("sub_refresh")
            writer.jsonField("expires", bool: expires)
            writer.jsonField("ttl", unsigned: UInt64(ttl))
        }
        writer.endJSONObject()
        writer.endJSONObject()
    }

    package static func encode(_ push: Push, into writer: inout ByteWriter) {
        if case .publication(let publication, let epoch) = push.event {
            return encodePublication(channel: push.channel, publication, epoch: epoch, into: &writer)
        }
        writer.jsonLiteral("{\"push\":{")
        writer.jsonField("channel", string: push.channel)
        writer.jsonEvent(push.event)
        writer.jsonLiteral("}}")
    }

    /// Writes the push of one publication.
    ///
    /// It is written once per channel and format, then shared by all subscribers that read it.
    ///
    /// Gives the same bytes as `encode(_: Push, into:)` and allocates nothing if `writer` has room.
    package static func encodePublication(
        channel: ChannelName, _ publication: Publication, epoch: Epoch, into writer: inout ByteWriter
    ) {
        writer.jsonLiteral("{\"push\":{")
        writer.jsonField("channel", string: channel)
        writer.beginJSONObject("pub")
        writer.jsonFields(publication, epoch: epoch)
        writer.jsonLiteral("}}}")
    }

    /// The server's question whether the client is still there.
    package static func encodePing(into writer: inout ByteWriter) {
        writer.jsonLiteral("{}")
    }
}
