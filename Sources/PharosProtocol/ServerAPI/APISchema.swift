/// A JSON schema (draft 2020-12), as far as the API's description needs it.
package indirect enum APISchema: Sendable {
    /// Any JSON value.
    case any(String)
    case text(String, minLength: Int = 0, maxLength: Int? = nil)
    /// Base64 text.
    case base64(String)
    case integer(String, minimum: Int? = nil, maximum: Int? = nil)
    case boolean(String)
    case list(APISchema, String)
    /// Members with free names.
    case map(APISchema, String)
    case object([APIField], String)
    case reference(String)
}

/// One member of an object.
package struct APIField: Sendable {
    package let name: String
    package let schema: APISchema
    package let isRequired: Bool

    package init(_ name: String, _ schema: APISchema, required: Bool = false) {
        self.name = name
        self.schema = schema
        self.isRequired = required
    }
}
