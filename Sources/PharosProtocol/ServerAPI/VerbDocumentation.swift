/// The documentation of a verb.
///
/// Its part of the OpenAPI description and of the reference page is made of this.
package struct VerbDocumentation: Sendable {
    /// Without a full stop.
    package let summary: String
    package let request: [APIField]
    package let result: [APIField]
    /// Fields of the request one of which must be there.
    package let needsOneOf: [String]
    /// Objects that the fields refer to by name.
    ///
    /// Each is declared by one verb, and the fields of others may refer to it too.
    package let schemas: [NamedSchema]

    package init(
        _ summary: String, request: [APIField] = [], needsOneOf: [String] = [], result: [APIField] = [],
        schemas: [NamedSchema] = []
    ) {
        self.summary = summary
        self.request = request
        self.result = result
        self.needsOneOf = needsOneOf
        self.schemas = schemas
    }
}

/// An object that fields refer to by name.
package struct NamedSchema: Sendable {
    package let name: String
    package let summary: String
    package let fields: [APIField]

    package init(_ name: String, _ summary: String, _ fields: [APIField]) {
        self.name = name
        self.summary = summary
        self.fields = fields
    }
}

/// Fields that several verbs have.
extension APIField {
    static let channel = APIField(
        "channel", .text("Name of the channel.", minLength: 1, maxLength: 255), required: true)
    static let user = APIField("user", .text("User id."))
    static let client = APIField("client", .text("Client id: one connection."))
    static let session = APIField(
        "session", .text("One connection: `session` of its connect reply, or the key that its client chose."))
    static let everybody = APIField("all", .boolean("Everybody; nobody else is named then."))
    static let exclude = APIField(
        "exclude", .list(.text("", minLength: 36, maxLength: 36), "Client ids to pass over, at most 1000."))
    static let subscribersOf = APIField("channel", .text("Its subscribers.", maxLength: 255))
    static let expireAt = APIField("expire_at", .integer("Seconds since 1970; 0 never.", minimum: 0))
    static let nextCursor = APIField("next_cursor", .text("Absent on the last page."))
}
