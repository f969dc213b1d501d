package import PharosBytes
package import PharosDomain

/// Writes the body of an answer of the server API.
///
/// Zero values are left out, except where typed clients demand the field: counts, lists and maps that are the point of
/// a result are always there. Payloads that are not JSON are written as base64 under the same name after `b64`.
package enum APIResultEncoder {
    /// `{"result":{…}}` or `{"error":{…}}`; of a batch `{"replies":[…]}`, as its clients read it.
    package static func encode(_ result: Result<APIResult, ReplyError>, into writer: inout ByteWriter) {
        writer.beginJSONObject()
        switch result {
        case .success(.batch(let replies)): writer.jsonReplies(replies)
        case .success(let success):
            writer.beginJSONObject("result")
            writer.jsonFields(success)
            writer.endJSONObject()
        case .failure(let error): writer.jsonField("error", apiError: error)
        }
        writer.endJSONObject()
    }

    /// `{"code":…,"message":"…"}`, for callers that want the error in the HTTP status as well.
    package static func encodeBareError(_ error: ReplyError, into writer: inout ByteWriter) {
        writer.beginJSONObject()
        writer.jsonFields(apiError: error)
        writer.endJSONObject()
    }
}

extension ByteWriter {
    fileprivate mutating func jsonFields(apiError error: ReplyError) {
        jsonField("code", unsigned: UInt64(error.code))
        jsonField("message", string: error.message)
    }

    fileprivate mutating func jsonField(_ name: StaticString, apiError error: ReplyError) {
        beginJSONObject(name)
        jsonFields(apiError: error)
        endJSONObject()
    }

    fileprivate mutating func jsonReplies(_ replies: [APIBatchReply]) {
        beginJSONArray("replies")
        for reply in replies {
            nextJSONElement()
            beginJSONObject()
            switch reply.result {
            case .success(let result):
                jsonKey(reply.method.rawValue)
                beginJSONObject()
                jsonFields(result)
                endJSONObject()
            case .failure(let error): jsonField("error", apiError: error)
            }
            endJSONObject()
        }
        endJSONArray()
    }

    fileprivate mutating func jsonFields(_ result: APIResult) {
        switch result {
        case .publish(let position): jsonFields(position)
        case .broadcast(let responses):
            beginJSONArray("responses")
            for response in responses {
                nextJSONElement()
                beginJSONObject()
                switch response {
                case .success(let position):
                    beginJSONObject("result")
                    jsonFields(position)
                    endJSONObject()
                case .failure(let error): jsonField("error", apiError: error)
                }
                endJSONObject()
            }
            endJSONArray()
        case .empty: break
        case .presence(let clients): jsonPresence(clients)
        case .presenceStats(let clients, let users):
            jsonCount("num_clients", UInt64(clients))
            jsonCount("num_users", UInt64(users))
        case .history(let publications, let top):
            jsonHistory(publications)
            jsonText("epoch", top.epoch)
            jsonCount("offset", top.offset)
        case .channels(let channels, let nextCursor):
            beginJSONObject("channels")
            for (channel, clients) in channels {
                jsonKey(channel)
                beginJSONObject()
                jsonCount("num_clients", UInt64(clamping: clients))
                endJSONObject()
            }
            endJSONObject()
            jsonField("next_cursor", string: nextCursor)
        case .info(let nodes):
            beginJSONArray("nodes")
            for node in nodes {
                nextJSONElement()
                beginJSONObject()
                jsonFields(node)
                endJSONObject()
            }
            endJSONArray()
        case .rpc(let data): jsonPayload("data", data)
        case .batch(let replies): jsonReplies(replies)
        case .sent(let delivered, let undeliverable):
            jsonCount("delivered", UInt64(clamping: delivered))
            jsonField("undeliverable", unsigned: UInt64(clamping: undeliverable))
        case .connections(let connections, let nextCursor):
            beginJSONArray("connections")
            for connection in connections {
                nextJSONElement()
                beginJSONObject()
                jsonFields(connection)
                endJSONObject()
            }
            endJSONArray()
            jsonField("next_cursor", string: nextCursor)
        }
    }

    private mutating func jsonFields(_ connection: APIConnection) {
        jsonField("client", string: connection.client.text)
        jsonField("user", string: connection.user)
        jsonField("transport", string: connection.transport)
        jsonField("connected_at", signed: connection.connectedAt)
        jsonField("name", string: connection.name)
        jsonCount("num_channels", UInt64(clamping: connection.channels))
    }

    private mutating func jsonFields(_ position: StreamPosition) {
        jsonField("offset", unsigned: position.offset)
        jsonField("epoch", string: position.epoch)
    }

    private mutating func jsonPresence(_ clients: [ClientName: ClientInfo]) {
        beginJSONObject("presence")
        for (id, client) in clients {
            jsonKey(id)
            jsonAPIClient(client)
        }
        endJSONObject()
    }

    private mutating func jsonAPIClient(_ client: ClientInfo) {
        beginJSONObject()
        jsonText("user", client.user)
        jsonText("client", client.client)
        jsonPayload("conn_info", client.connectionInfo)
        jsonPayload("chan_info", client.channelInfo)
        endJSONObject()
    }

    private mutating func jsonHistory(_ publications: [Publication]) {
        beginJSONArray("publications")
        for publication in publications {
            nextJSONElement()
            beginJSONObject()
            jsonPayload("data", publication.data)
            if let info = publication.info {
                jsonName("info")
                jsonAPIClient(info)
            }
            jsonField("offset", unsigned: publication.offset)
            jsonField("tags", map: publication.tags)
            jsonField("time", signed: publication.timeMs)
            endJSONObject()
        }
        endJSONArray()
    }

    private mutating func jsonFields(_ node: APINodeInfo) {
        jsonText("uid", node.uid)
        jsonText("name", node.name)
        jsonText("version", node.version)
        jsonCount("num_clients", UInt64(node.clients))
        jsonCount("num_users", UInt64(node.users))
        jsonCount("num_subs", UInt64(node.subscriptions))
        jsonCount("num_channels", UInt64(node.channels))
        jsonCount("uptime", UInt64(node.uptime))
        if let metrics = node.metrics {
            beginJSONObject("metrics")
            jsonName("interval")
            appendJSONDecimal(metrics.interval)
            beginJSONObject("items")
            for (name, value) in metrics.items {
                jsonKey(name)
                appendJSONDecimal(value)
            }
            endJSONObject()
            endJSONObject()
        }
        if let process = node.process {
            beginJSONObject("process")
            jsonName("cpu")
            appendJSONDecimal(process.cpu)
            jsonCount("rss", process.residentMemory)
            endJSONObject()
        }
    }

    /// JSON has no infinities; 0 stands in for them.
    private mutating func appendJSONDecimal(_ number: Double) {
        append(number.isFinite ? number.description : "0")
    }

    /// A payload as JSON if it is JSON, or else `null` and its base64 beside it.
    private mutating func jsonPayload(_ name: StaticString, _ payload: [UInt8]) {
        guard !payload.isEmpty else { return }
        if payload.withUnsafeBytes({ JSONScanner.isValid($0) }) {
            jsonField(name, raw: payload)
        } else {
            jsonName(name)
            jsonLiteral("null")
            jsonKey("b64" + name.description)
            appendJSONString(Base64.encode(payload))
        }
    }
}
