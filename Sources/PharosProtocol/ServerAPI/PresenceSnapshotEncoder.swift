package import PharosBytes
package import PharosDomain

/// Writes the answer of `POST /api/snapshot`.
package enum PresenceSnapshotEncoder {
    /// `{"result":{"sequence":…,"clients":[…],"next_cursor":"…"}}`, all three always there; or `{"error":{…}}`.
    package static func encode(_ result: Result<PresenceSnapshot, ReplyError>, into writer: inout ByteWriter) {
        switch result {
        case .failure(let error): APIResultEncoder.encode(.failure(error), into: &writer)
        case .success(let snapshot):
            writer.beginJSONObject()
            writer.beginJSONObject("result")
            writer.jsonName("sequence")
            writer.appendDecimal(snapshot.sequence)
            writer.beginJSONArray("clients")
            for client in snapshot.clients {
                writer.nextJSONElement()
                writer.appendJSON(client)
            }
            writer.endJSONArray()
            writer.jsonName("next_cursor")
            writer.appendJSONString(snapshot.nextCursor)
            writer.endJSONObject()
            writer.endJSONObject()
        }
    }
}

extension ByteWriter {
    fileprivate mutating func appendJSON(_ client: PresenceSnapshot.Client) {
        beginJSONObject()
        jsonField("client", string: client.client)
        jsonField("user", string: client.user)
        jsonField("transport", string: client.transport)
        beginJSONArray("channels")
        for channel in client.channels {
            nextJSONElement()
            appendJSONString(channel)
        }
        endJSONArray()
        jsonField("connected_at", signed: client.connectedAtMs / 1_000)
        endJSONObject()
    }
}
