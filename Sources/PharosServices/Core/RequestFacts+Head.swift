import PharosDomain
import PharosEdge
import PharosProtocol

extension RequestFacts {
    /// The parts of a request's head that `list` names.
    init(_ head: RequestHead, _ list: PassList, address: PeerAddress) {
        self.init()
        self.address = address.text
        if list.path {
            method = String(decoding: head.method, as: UTF8.self)
            path = String(decoding: head.path, as: UTF8.self)
        }
        for name in list.query {
            if let value = (try? QueryReader.first(name, in: head.query)) ?? nil { query[name] = value }
        }
        guard !list.headers.isEmpty || !list.cookies.isEmpty else { return }
        head.forEachHeader { name, value in
            let name = FieldName(decoding: name).asciiLowercased
            if list.headers.contains(name) {
                let value = String(decoding: value, as: UTF8.self)
                headers[name] = headers[name].map { "\($0), \(value)" } ?? value
            }
            if name == "cookie", !list.cookies.isEmpty {
                cookies.merge(RequestFacts.cookies(in: value, list.cookies)) { first, _ in first }
            }
        }
    }

    /// The named cookies of a `Cookie` field, as they are (RFC 6265, section 5.4).
    private static func cookies(in field: UnsafeRawBufferPointer, _ names: [FieldName]) -> [FieldName: String] {
        var found: [FieldName: String] = [:]
        for pair in field.split(separator: UInt8(ascii: ";")) {
            let pair = pair.drop { $0 == UInt8(ascii: " ") }
            guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = FieldName(decoding: pair[..<equals])
            guard names.contains(name), found[name] == nil else { continue }
            found[name] = String(decoding: pair[(equals + 1)...], as: UTF8.self)
        }
        return found
    }
}

extension HookRequest {
    /// A question about a session.
    init(_ question: HookQuestion, from session: borrowing ClientSession) {
        self.init(question)
        client = session.client.name
        user = session.user
        meta = session.meta
    }
}
