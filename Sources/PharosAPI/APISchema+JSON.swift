import PharosProtocol

extension APISchema {
    var tree: JSONTree {
        switch self {
        case .any(let text): ["description": .string(text)]
        case .text(let text, let minLength, let maxLength):
            Self.typed(
                "string", text,
                (minLength > 0 ? [("minLength", .integer(minLength))] : [])
                    + (maxLength.map { [("maxLength", .integer($0))] } ?? []))
        case .base64(let text):
            Self.typed("string", text, [("contentEncoding", "base64"), ("pattern", .string(Self.base64Pattern))])
        case .integer(let text, let minimum, let maximum):
            Self.typed(
                "integer", text,
                (minimum.map { [("minimum", .integer($0))] } ?? [])
                    + (maximum.map { [("maximum", .integer($0))] } ?? []))
        case .boolean(let text): Self.typed("boolean", text, [])
        case .list(let element, let text): Self.typed("array", text, [("items", element.tree)])
        case .map(let element, let text): Self.typed("object", text, [("additionalProperties", element.tree)])
        case .object(let fields, let text): Self.typed("object", text, Self.members(fields))
        case .reference(let name): ["$ref": .string("#/components/schemas/\(name)")]
        }
    }

    private static let base64Pattern = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

    private static func typed(_ type: String, _ text: String, _ more: [(String, JSONTree)]) -> JSONTree {
        var members: [(String, JSONTree)] = [("type", .string(type))]
        if !text.isEmpty { members.append(("description", .string(text))) }
        return .object(members + more)
    }

    private static func members(_ fields: [APIField]) -> [(String, JSONTree)] {
        var members: [(String, JSONTree)] = []
        if !fields.isEmpty { members.append(("properties", .object(fields.map { ($0.name, $0.schema.tree) }))) }
        let required = fields.filter(\.isRequired).map { JSONTree.string($0.name) }
        if !required.isEmpty { members.append(("required", .array(required))) }
        return members
    }
}
