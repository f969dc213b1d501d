import PharosDomain

/// The fields of the methods that reach connections, whatever they are subscribed to.
struct APISendFields: JSONMessage {
    private var target = APITarget()
    private var payload = APIPayload()
    static var withoutFields: APISendFields { APISendFields() }

    consuming func request() throws(ReplyError) -> APISend {
        try APIRequestDecoder.require(target, "client, session, user, channel, all")
        try APIRequestDecoder.checkAll(target)
        guard !payload.bytes.isEmpty else { throw .badRequest("data is required") }
        var request = APISend()
        request.target = target
        request.data = payload.bytes
        request.dataIsJSON = payload.isJSON
        return request
    }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "data": try payload.readJSON(&scanner)
        case "b64data": try payload.readBase64(&scanner)
        case "user": target.user = try scanner.stringField()
        case "client": target.client = try scanner.stringField()
        case "session": target.session = try scanner.stringField()
        case "channel": target.channel = try scanner.stringField()
        case "all": target.all = try scanner.boolField()
        case "exclude": target.exclude = try scanner.excludeField()
        default: try scanner.skipValue()
        }
    }
}

extension APIConnections: JSONMessage {
    static var withoutFields: APIConnections { APIConnections() }

    mutating func read(_ field: JSONText, from scanner: inout JSONScanner) throws(MalformedFrame) {
        switch field {
        case "user": user = try scanner.stringField()
        case "channel": channel = try scanner.stringField()
        case "cursor": cursor = try scanner.clientField()
        case "limit":
            let wanted: Int32 = try scanner.integerField()
            guard wanted >= 0, wanted <= APIConnections.pageLimit else {
                throw MalformedFrame(reason: "must be from 1 to \(APIConnections.pageLimit)")
            }
            limit = wanted == 0 ? 100 : Int(wanted)
        default: try scanner.skipValue()
        }
    }
}

extension APIRequestDecoder {
    /// Everybody is everybody: what would narrow it is a mistake that could cost every connection.
    static func checkAll(_ target: APITarget) throws(ReplyError) {
        guard target.all else { return }
        guard !target.isSingle, target.user.isEmpty, target.channel.isEmpty else {
            throw .badRequest("all: goes with no user, client, session or channel")
        }
    }
}

extension JSONScanner {
    /// A client id; nil where there is none.
    mutating func clientField() throws(MalformedFrame) -> ClientID? {
        let text = try stringField()
        guard !text.isEmpty else { return nil }
        guard let client = ClientID(text) else { throw MalformedFrame(reason: "not a client id") }
        return client
    }

    /// Clients to pass over.
    mutating func excludeField() throws(MalformedFrame) -> Set<ClientID> {
        guard !skipNull() else { return [] }
        var clients: Set<ClientID> = []
        var count = 0
        try beginArray()
        while try nextElement() {
            count += 1
            guard count <= APITarget.excludeLimit else {
                throw MalformedFrame(reason: "more than \(APITarget.excludeLimit)")
            }
            guard let client = ClientID(try text().string) else { throw MalformedFrame(reason: "not a client id") }
            clients.insert(client)
        }
        return clients
    }
}
