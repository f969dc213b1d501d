package import PharosBytes
package import PharosDomain

/// `rpc`: a method of the embedding program. No program can register one yet.
package struct APIRPC: PlannedVerb {
    package var method: MethodName
    /// JSON; empty: none were given.
    package var params: [UInt8]

    package init(method: MethodName, params: [UInt8]) {
        self.method = method
        self.params = params
    }

    package struct Output: VerbResult {
        /// JSON.
        package var data: [UInt8]

        package init(data: [UInt8]) { self.data = data }
    }

    package static var name: MethodName { "rpc" }

    package static var documentation: VerbDocumentation {
        VerbDocumentation(
            "Call a method of the embedding program",
            request: [
                APIField("method", .text("Name.", minLength: 1), required: true), APIField("params", .any("")),
            ],
            result: [APIField("data", .any(""))])
    }

    package static func decode(_ scanner: inout JSONScanner) throws(ReplyError) -> APIRPC {
        let call = try scanner.apiFields(APICallFields.self)
        try call.method.required("method")
        return APIRPC(method: call.method, params: call.params)
    }

    package var route: VerbRoute { .anyShard }

    package func plan(_ rules: ChannelRules) throws(ReplyError) -> VerbPlan { throw .methodNotFound }
}

struct APICallFields: JSONMessage {
    var method: MethodName = ""
    var params: [UInt8] = []
    static var withoutFields: APICallFields { APICallFields() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "method": method = try scanner.stringField()
        case "params": params = scanner.skipNull() ? [] : try scanner.rawField()
        default: try scanner.skipValue()
        }
    }
}

extension APIRPC.Output {
    package func encode(into writer: inout ByteWriter) { writer.jsonField("data", apiPayload: data) }
}
