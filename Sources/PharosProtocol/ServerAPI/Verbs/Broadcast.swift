package import PharosBytes
package import PharosDomain

/// `broadcast`: the same publication into many channels.
package struct APIBroadcast: Equatable, Sendable {
    /// In the order of the answer's responses; never empty.
    package var channels: [ChannelName] = []
    /// The publication for each of them; its `channel` is empty.
    ///
    /// Without data every channel answers 107.
    package var template = APIPublish()

    package init() {}
}

extension APIBroadcast: ShardVerb {
    package struct Output: VerbResult {
        /// In the order of the request's channels.
        package var responses: [Result<StreamPosition, ReplyError>]
    }

    package static var name: MethodName { "broadcast" }

    package static var documentation: VerbDocumentation {
        VerbDocumentation(
            "Publish the same into many channels",
            request: [
                APIField("channels", .list(.text("", minLength: 1, maxLength: 255), "Names."), required: true)
            ] + APIPublish.content, needsOneOf: ["data", "b64data"],
            result: [
                APIField(
                    "responses", .list(.reference("PublishResponse"), "One per channel, in the order of the request."),
                    required: true)
            ])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIBroadcast {
        let broadcast = try scanner.apiFields(APIBroadcastFields.self).request()
        guard !broadcast.channels.isEmpty else { throw .badRequest("channels is required") }
        return broadcast
    }

    package var request: APIRequest { .broadcast(self) }
    package var route: VerbRoute { .anyShard }
}

struct APIBroadcastFields: JSONMessage {
    private var channels: [ChannelName] = []
    private var shared = APIPublishFields.withoutFields
    static var withoutFields: APIBroadcastFields { APIBroadcastFields() }

    consuming func request() -> APIBroadcast {
        var request = APIBroadcast()
        request.channels = channels
        request.template = shared.request()
        return request
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "channels": channels = try scanner.stringListField()
        default: try shared.readShared(field, from: &scanner)
        }
    }
}

extension APIBroadcast.Output {
    package func encode(into writer: inout ByteWriter) {
        writer.jsonField("responses", list: responses) { response, writer in
            switch response {
            case .success(let position):
                writer.beginJSONObject("result")
                position.encode(into: &writer)
                writer.endJSONObject()
            case .failure(let error): writer.jsonField("error", apiError: error)
            }
        }
    }
}
