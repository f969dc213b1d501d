package import PharosBytes
package import PharosDomain

/// Writes the body of an answer of the server API.
///
/// Zero values are left out, except where typed clients demand the field: counts, lists and maps that are the point of
/// a result are always there. Payloads that are not JSON are written as base64 under the same name after `b64`.
package enum APIResultEncoder {
    /// `{"result":{…}}` or `{"error":{…}}`.
    ///
    /// Of a batch it is `{"replies":[…]}`, as its clients expect.
    package static func encode(_ result: Result<APIResult, ReplyError>, into writer: inout ByteWriter) {
        writer.beginJSONObject()
        switch result {
        case .success(.batch(let replies)): APIBatch.Output(replies: replies).encode(into: &writer)
        case .success(let success):
            writer.beginJSONObject("result")
            success.encode(into: &writer)
            writer.endJSONObject()
        case .failure(let error): writer.jsonField("error", apiError: error)
        }
        writer.endJSONObject()
    }

    /// `{"code":…,"message":"…"}`.
    ///
    /// For callers that want the error in the HTTP status as well.
    package static func encodeBareError(_ error: ReplyError, into writer: inout ByteWriter) {
        writer.beginJSONObject()
        writer.jsonFields(apiError: error)
        writer.endJSONObject()
    }
}

/// Parts of results that several verbs have.
extension ByteWriter {
    fileprivate mutating func jsonFields(apiError error: ReplyError) {
        jsonField("code", unsigned: UInt64(error.code))
        jsonField("message", string: error.message)
    }

    mutating func jsonField(_ name: StaticString, apiError error: ReplyError) {
        beginJSONObject(name)
        jsonFields(apiError: error)
        endJSONObject()
    }

    /// One after the other, each an object of its own.
    mutating func jsonField<Part>(_ name: StaticString, list: [Part], _ fields: (Part, inout ByteWriter) -> Void) {
        beginJSONArray(name)
        for part in list {
            nextJSONElement()
            beginJSONObject()
            fields(part, &self)
            endJSONObject()
        }
        endJSONArray()
    }

    mutating func appendAPIClient(_ client: ClientInfo) {
        beginJSONObject()
        jsonText("user", client.user)
        jsonText("client", client.client)
        jsonField("conn_info", apiPayload: client.connectionInfo)
        jsonField("chan_info", apiPayload: client.channelInfo)
        endJSONObject()
    }

    /// A payload as JSON if it is JSON, or else `null` and its base64 beside it.
    mutating func jsonField(_ name: StaticString, apiPayload payload: [UInt8]) {
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

    /// JSON has no infinities; 0 stands in for them.
    mutating func appendJSONDecimal(_ number: Double) {
        append(number.isFinite ? number.description : "0")
    }
}
