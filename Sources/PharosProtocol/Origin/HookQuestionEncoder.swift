package import PharosBytes
package import PharosDomain

/// Writes questions to an origin as the JSON of the proxy shapes.
///
/// The CloudEvents form has this JSON as its data as well.
///
/// `user`, `channel` and `method` are always there where they belong; other empty fields are left out.
package enum HookQuestionEncoder {
    /// - Parameters:
    ///   - binary: payloads go as base64, under names with `b64` before. One that is no JSON does in any case.
    ///   - includesMeta: whether the origin gets back what an earlier answer left with the connection.
    ///   - facts: of the client's request, as member `request`; nil: they travel otherwise.
    package static func encode(
        _ request: HookRequest, binary: Bool, includesMeta: Bool, facts: RequestFacts? = nil,
        into writer: inout ByteWriter
    ) {
        writer.beginJSONObject()
        writer.jsonField("client", string: request.client)
        writer.jsonField("transport", string: request.transport)
        writer.jsonField("protocol", string: request.isProtobuf ? "protobuf" : "json")
        writer.jsonField("encoding", string: binary ? "binary" : "json")
        writer.jsonFields(request, binary: binary)
        if includesMeta { writer.jsonField("meta", checked: request.meta) }
        if let facts { writer.jsonField("request", facts: facts) }
        writer.endJSONObject()
    }
}

extension ByteWriter {
    fileprivate mutating func jsonFields(_ request: HookRequest, binary: Bool) {
        // Clients that speak JSON have been held to it when their command was read.
        let mayBeOther = request.isProtobuf
        switch request.question {
        case .handshake: break
        case .connect(let data, let name, let version, _):
            jsonPayload(data, binary: binary, mayBeOther: mayBeOther)
            jsonField("name", string: name)
            jsonField("version", string: version)
        case .refresh:
            jsonAlways("user", request.user)
        case .subscribe(let channel, let token, let data):
            jsonAlways("user", request.user)
            jsonAlways("channel", channel)
            jsonField("token", string: token)
            jsonPayload(data, binary: binary, mayBeOther: mayBeOther)
        case .publish(let channel, let data):
            jsonAlways("user", request.user)
            jsonAlways("channel", channel)
            jsonPayload(data, binary: binary, mayBeOther: mayBeOther)
        case .rpc(let method, let data):
            jsonAlways("user", request.user)
            jsonAlways("method", method)
            jsonPayload(data, binary: binary, mayBeOther: mayBeOther)
        case .subRefresh(let channel):
            jsonAlways("user", request.user)
            jsonAlways("channel", channel)
        case .message(let data):
            jsonAlways("user", request.user)
            jsonPayload(data, binary: binary, mayBeOther: mayBeOther)
        }
    }

    private mutating func jsonPayload(_ data: [UInt8], binary: Bool, mayBeOther: Bool) {
        guard !data.isEmpty else { return }
        let isText = !binary && (!mayBeOther || data.withUnsafeBytes { JSONScanner.isValid($0) })
        if isText {
            jsonField("data", raw: data)
        } else {
            jsonField("b64data", string: Base64.encode(data))
        }
    }

    /// A field that is written with an empty value as well.
    ///
    /// Origins in typed languages rely on it.
    mutating func jsonAlways(_ name: StaticString, _ value: String) {
        jsonName(name)
        appendJSONString(value)
    }

    mutating func jsonAlways<Kind>(_ name: StaticString, _ value: Identifier<Kind>) { jsonAlways(name, value.text) }

    /// The known facts of a client's own request; nothing if there are none.
    mutating func jsonField(_ name: StaticString, facts: RequestFacts) {
        guard facts != RequestFacts() else { return }
        beginJSONObject(name)
        jsonField("method", string: facts.method)
        jsonField("path", string: facts.path)
        jsonField("address", string: facts.address)
        jsonField("headers", sorted: facts.headers)
        jsonField("cookies", sorted: facts.cookies)
        jsonField("query", sorted: facts.query)
        endJSONObject()
    }

    /// Always in the same order, so that the same request has the same bytes.
    private mutating func jsonField(_ name: StaticString, sorted map: [FieldName: String]) {
        guard !map.isEmpty else { return }
        beginJSONObject(name)
        for (key, value) in map.sorted(by: { $0.key < $1.key }) {
            jsonKey(key)
            appendJSONString(value)
        }
        endJSONObject()
    }
}
