package import PharosBytes
package import PharosDomain

/// Writes what a client says as one line of JSON, without a newline at its end.
package enum JSONCommandEncoder {
    /// Appends `command`.
    ///
    /// A malformed one is none that a client says: nothing but its id is written.
    package static func encode(_ command: Command, into writer: inout ByteWriter) {
        writer.beginJSONObject()
        writer.jsonField("id", unsigned: UInt64(command.id))
        if let request = command.request, !request.isMalformed {
            writer.jsonKey(request.jsonName)
            writer.beginJSONObject()
            writer.jsonFields(request)
            writer.endJSONObject()
        }
        writer.endJSONObject()
    }
}

extension ByteWriter {
    fileprivate mutating func jsonFields(_ request: Request) {
        switch request {
        case .connect(let connect): jsonFields(connect)
        case .subscribe(let subscribe): jsonFields(subscribe)
        case .unsubscribe(let channel), .presence(let channel), .presenceStats(let channel):
            jsonField("channel", string: channel)
        case .publish(let publish):
            jsonField("channel", string: publish.channel)
            jsonField("data", raw: publish.data)
            jsonField("type", signed: Int64(publish.unsupported.type))
        case .history(let history):
            jsonField("channel", string: history.channel)
            jsonField("limit", signed: Int64(history.limit))
            if let since = history.since {
                beginJSONObject("since")
                jsonField("offset", unsigned: since.offset)
                jsonField("epoch", string: since.epoch)
                endJSONObject()
            }
            jsonField("reverse", bool: history.reverse)
        case .ping, .malformed: break
        case .send(let data): jsonField("data", raw: data)
        case .rpc(let method, let data):
            jsonField("data", raw: data)
            jsonField("method", string: method)
        case .refresh(let token): jsonField("token", string: token)
        case .subRefresh(let refresh):
            jsonField("channel", string: refresh.channel)
            jsonField("token", string: refresh.token)
            jsonField("type", signed: Int64(refresh.unsupported.type))
        }
    }

    private mutating func jsonFields(_ connect: ConnectRequest) {
        jsonField("token", string: connect.token)
        jsonField("data", raw: connect.data)
        if !connect.subscriptions.isEmpty {
            beginJSONObject("subs")
            for (channel, subscription) in connect.subscriptions {
                jsonKey(channel)
                beginJSONObject()
                jsonFields(subscription)
                endJSONObject()
            }
            endJSONObject()
        }
        jsonField("name", string: connect.name)
        jsonField("version", string: connect.version)
        jsonField("headers", map: connect.headers)
    }

    private mutating func jsonFields(_ subscribe: SubscribeRequest) {
        jsonField("channel", string: subscribe.channel)
        jsonField("token", string: subscribe.token)
        jsonField("recover", bool: subscribe.recover)
        jsonField("epoch", string: subscribe.epoch)
        jsonField("offset", unsigned: subscribe.offset)
        jsonField("data", raw: subscribe.data)
        jsonField("positioned", bool: subscribe.positioned)
        jsonField("recoverable", bool: subscribe.recoverable)
        jsonField("join_leave", bool: subscribe.joinLeave)
        jsonField("delta", string: subscribe.delta)
        if subscribe.unsupported.contains(.tagsFilter) {
            // The filter itself is not kept, only that there is one.
            beginJSONObject("tf")
            endJSONObject()
        }
        jsonField("flag", signed: SubscribeFlag.flag(of: subscribe))
        jsonField("type", signed: Int64(subscribe.unsupported.type))
    }
}
