import PharosDomain
import PharosProtocol

/// The parts of a verb's declaration that the description names.
extension ServerVerb {
    /// Request, result or response as a named schema, for example `PublishRequest`.
    static func schemaName(_ suffix: String) -> String {
        "\(name)".split(separator: "_").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() + suffix
    }

    static var requestSchema: JSONTree {
        let schema = APISchema.object(documentation.request, "").tree
        guard case .object(let members) = schema, !documentation.needsOneOf.isEmpty else { return schema }
        let choices = documentation.needsOneOf.map { name -> JSONTree in ["required": [.string(name)]] }
        return .object(members + [("anyOf", .array(choices))])
    }
}
