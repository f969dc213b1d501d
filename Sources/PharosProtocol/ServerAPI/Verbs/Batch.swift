package import PharosBytes
package import PharosDomain

/// `batch`: several calls in one request.
package struct APIBatch: Equatable, Sendable {
    /// In the order of the request; none of them is itself a batch.
    ///
    /// A command that could not be read is a failure here.
    package var commands: [Result<APIRequest, ReplyError>]
    /// The order of execution does not matter.
    package var parallel: Bool

    package init(_ commands: [Result<APIRequest, ReplyError>], parallel: Bool) {
        self.commands = commands
        self.parallel = parallel
    }

    /// Commands in one batch.
    package static let limit = 10_000
}

/// The answer to one command of a batch.
package struct APIBatchReply: Equatable, Sendable {
    /// Names the result in the answer; not shown with an error.
    package var name: MethodName
    package var result: Result<APIResult, ReplyError>

    package init(name: MethodName, result: Result<APIResult, ReplyError>) {
        self.name = name
        self.result = result
    }
}

extension APIBatch: ShardVerb {
    package struct Output: VerbResult {
        /// In the order of the commands.
        package var replies: [APIBatchReply]
    }

    package static var name: MethodName { "batch" }

    package static var documentation: VerbDocumentation {
        VerbDocumentation(
            "Several commands in one request",
            request: [
                APIField("commands", .list(.reference("BatchCommand"), "One method per element."), required: true),
                APIField("parallel", .boolean("The order of execution does not matter.")),
            ],
            result: [
                APIField(
                    "replies", .list(.reference("BatchReply"), "One per command, in the order of the request."),
                    required: true)
            ])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIBatch {
        let fields = try scanner.apiFields(APIBatchFields.self)
        guard fields.hasCommands else { throw .badRequest("commands is required") }
        return APIBatch(fields.commands, parallel: fields.parallel)
    }

    package var request: APIRequest { .batch(self) }

    /// That of the first command.
    ///
    /// So a batch about one channel is carried out by the channel's owner.
    package var route: VerbRoute {
        if case .success(let first)? = commands.first { first.route } else { .anyShard }
    }

    package var namedChannel: ChannelName? { nil }
}

private struct APIBatchFields: JSONMessage {
    var commands: [Result<APIRequest, ReplyError>] = []
    var hasCommands = false
    var parallel = false
    static var withoutFields: APIBatchFields { APIBatchFields() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "commands":
            commands.removeAll()
            hasCommands = true
            try scanner.beginArray()
            while try scanner.nextElement() {
                guard commands.count < APIBatch.limit else {
                    throw MalformedFrame(reason: "more than \(APIBatch.limit)")
                }
                commands.append(try scanner.batchCommand())
            }
        case "parallel": parallel = try scanner.boolField()
        default: try scanner.skipValue()
        }
    }
}

extension JSONScanner {
    /// One command of a batch.
    ///
    /// Mistakes in its fields are its own failure; text that is no JSON fails the whole batch.
    fileprivate mutating func batchCommand() throws(MalformedFrame) -> Result<APIRequest, ReplyError> {
        let start = self
        if skipNull() { return .failure(.badRequest) }
        do throws(ReplyError) {
            return .success(try namedCommand())
        } catch {
            self = start
            try skipValue()
            return .failure(error)
        }
    }

    /// `{"publish":{…}}`, or any other verb but `batch`.
    private mutating func namedCommand() throws(ReplyError) -> APIRequest {
        var command: APIRequest?
        var isDeclined = false
        do throws(MalformedFrame) {
            try beginObject()
        } catch {
            throw .badRequest
        }
        while let name = try nextCommandName() {
            if name != APIBatch.name, ServerAPI.isVerb(name) {
                guard command == nil else { throw .badRequest("two methods in one command") }
                command = try ServerAPI.read(name, &self)
            } else {
                isDeclined = isDeclined || ServerAPI.isDeclined(name)
                do throws(MalformedFrame) {
                    try skipValue()
                } catch {
                    throw .badRequest
                }
            }
        }
        guard let command else { throw isDeclined ? .notAvailable : .methodNotFound }
        return command
    }

    /// nil: the command's object is over.
    private mutating func nextCommandName() throws(ReplyError) -> MethodName? {
        do throws(MalformedFrame) {
            guard let field = try nextMember() else { return nil }
            return (try? field.name()) ?? ""
        } catch {
            throw .badRequest
        }
    }
}

extension APIBatch.Output {
    package func encode(into writer: inout ByteWriter) {
        writer.jsonField("replies", list: replies) { reply, writer in
            switch reply.result {
            case .success(let result):
                writer.jsonKey(reply.name)
                writer.beginJSONObject()
                result.encode(into: &writer)
                writer.endJSONObject()
            case .failure(let error): writer.jsonField("error", apiError: error)
            }
        }
    }
}
