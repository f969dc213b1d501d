import PharosDomain

/// Writes the reference page of all verbs, `docs/server-api-methods.md`.
package enum VerbPage {
    package static func markdown() -> String {
        var text = introduction
        for verb in ServerAPI.allVerbs { text += section(verb.name, verb.documentation) }
        text += "\n## Objects\n"
        let schemas = ServerAPI.allVerbs.flatMap { $0.documentation.schemas }
        for schema in schemas.sorted(by: { $0.name < $1.name }) {
            text += "\n### \(schema.name)\n\n\(schema.summary)\n\n" + table(schema.fields, "field")
        }
        return text
    }

    private static let introduction = """
        # Methods of the server API

        This page is generated from the declarations in `Sources/PharosProtocol/ServerAPI/Verbs`:
        `PHAROS_WRITE_PAGES=1 swift test --filter VerbPageTests`.

        Each is `POST /api/<method>`, and its name is what the scope of a key calls it. [How calls are made, and which connections
        they mean](server-api.md).

        """

    private static func section(_ name: MethodName, _ documentation: VerbDocumentation) -> String {
        var text = "\n## `\(name)`\n\n\(documentation.summary).\n\n"
        text += documentation.request.isEmpty ? "Takes nothing.\n" : table(documentation.request, "takes")
        text += "\n"
        text += documentation.result.isEmpty ? "Gives `{}`.\n" : table(documentation.result, "gives")
        return text
    }

    private static func table(_ fields: [APIField], _ heading: String) -> String {
        var text = "| \(heading) | type | |\n| --- | --- | --- |\n"
        for field in fields {
            let required = field.isRequired ? ", always" : ""
            text += "| `\(field.name)` | \(field.schema.type)\(required) | \(field.schema.summary) |\n"
        }
        return text
    }
}

extension APISchema {
    /// The type in words.
    fileprivate var type: String {
        switch self {
        case .any: "JSON"
        case .text: "text"
        case .base64: "base64"
        case .integer(_, let minimum, let maximum): "integer" + APISchema.range(minimum, maximum)
        case .boolean: "boolean"
        case .list(let element, _): "list of \(element.type)"
        case .map(let element, _): "map to \(element.type)"
        case .object(let fields, _): "`{\(fields.map(\.name).joined(separator: ", "))}`"
        case .reference(let name): "[\(name)](\(APISchema.address(of: name)))"
        }
    }

    fileprivate var summary: String {
        switch self {
        case .any(let text), .text(let text, _, _), .base64(let text), .integer(let text, _, _), .boolean(let text),
            .list(_, let text), .map(_, let text), .object(_, let text):
            text
        case .reference: ""
        }
    }

    private static func range(_ minimum: Int?, _ maximum: Int?) -> String {
        switch (minimum, maximum) {
        case (let minimum?, let maximum?): ", \(minimum) to \(maximum)"
        case (let minimum?, nil) where minimum != 0: ", at least \(minimum)"
        default: ""
        }
    }

    /// The section of this page that describes an object.
    ///
    /// Objects that are derived from verbs have none of their own.
    private static func address(of name: String) -> String {
        switch name {
        case "PublishResponse": "#publish"
        case "BatchCommand", "BatchReply": "#methods-of-the-server-api"
        default: "#\(MethodName(name).asciiLowercased)"
        }
    }
}
