import PharosProtocol
import PharosBytes
import PharosDomain

extension CodecProperties {
    /// Names are the same bytes after every way that they travel.
    ///
    /// Their meaning depends on their bytes alone.
    ///
    /// The input is up to three names with a byte 0xFF between them, which no UTF-8 has.
    package static func identifiers(_ input: UnsafeRawBufferPointer) -> String? {
        let parts = input.split(separator: 0xFF, maxSplits: 2, omittingEmptySubsequences: false)
        let names = parts.compactMap { String(validating: $0, as: UTF8.self) }
        for name in names {
            if let violation = travel(name) ?? resolve(name) { return violation }
        }
        return cursor(of: names) ?? clientID(input)
    }

    /// By the client protocol in both formats, and by the server API.
    private static func travel(_ name: String) -> String? {
        let bytes = Array(name.utf8)
        let command = Command(id: 1, request: .presence(channel: "\(name)"))
        var json = ByteWriter()
        JSONCommandEncoder.encode(command, into: &json)
        var protobuf = ByteWriter()
        ProtobufCommandEncoder.encode(command, into: &protobuf)
        var decoded: [Command] = []
        do {
            try json.withBytes { try JSONCommandDecoder.decode($0, into: &decoded) }
            try protobuf.withBytes { try ProtobufCommandDecoder.decode($0, into: &decoded) }
        } catch {
            return "an own command is not read"
        }
        guard decoded.count == 2 else { return "another number of commands" }
        for command in decoded {
            guard case .presence(let channel)? = command.request, bytes.elementsEqual(channel.utf8) else {
                return "a name changed on the way"
            }
        }
        var body = ByteWriter()
        body.append("{\"channel\":")
        _ = body.appendJSONString(bytes)
        body.append("}")
        switch body.withBytes({ try? APIRequestDecoder.decode(method: "presence", body: $0) }) {
        case .planned(let verb as APIPresence)?:
            return bytes.elementsEqual(verb.channel.utf8) ? nil : "a name changed in the server API"
        default: return bytes.isEmpty ? nil : "the server API does not read a name"
        }
    }

    /// The namespace of a name is a part of its bytes.
    private static func resolve(_ name: String) -> String? {
        var settings = ChannelSettings()
        settings.namespaces = [ChannelNamespace(name: "ns", options: ChannelOptions())]
        let rules = ChannelRules(settings)
        let bytes = Array(name.utf8)
        if let users = rules.listedUsers("\(name)") {
            guard let boundary = bytes.firstIndex(of: UInt8(ascii: "#")) else { return "users without a boundary" }
            let list = users.map { Array($0.utf8) }.joined(separator: [UInt8(ascii: ",")])
            guard list.elementsEqual(bytes[(boundary + 1)...]) else { return "other users than the name lists" }
        }
        guard let resolved = try? rules.resolve("\(name)") else { return nil }
        guard bytes.count <= settings.maxLength else { return "a name beyond the limit" }
        var rest = bytes[...]
        if rules.isPrivate("\(name)") { rest = rest.dropFirst() }
        guard let end = rest.firstIndex(of: UInt8(ascii: ":")) else {
            return resolved.namespace == -1 ? nil : "a namespace that is not named"
        }
        return rest[..<end].elementsEqual("ns".utf8) && resolved.namespace == 0 ? nil : "another namespace"
    }

    /// Each name finds its own position in a cursor of all of them.
    ///
    /// It does so whatever their canonical forms are.
    private static func cursor(of names: [String]) -> String? {
        var known: Set<[UInt8]> = []
        let distinct = names.filter { known.insert(Array($0.utf8)).inserted }
        let text = PositionCursor.encode(
            distinct.enumerated().map { index, name in
                (channel: "\(name)", position: StreamPosition(offset: UInt64(index), epoch: "e"))
            })
        guard let vector = try? PositionCursor.decode(text, channelLimit: 3) else { return "an own cursor is not read" }
        for (index, name) in distinct.enumerated() where vector.position(of: "\(name)")?.offset != UInt64(index) {
            return "another name's position"
        }
        return nil
    }

    private static func clientID(_ input: UnsafeRawBufferPointer) -> String? {
        if let text = String(validating: input, as: UTF8.self), let id = ClientID("\(text)") {
            guard id.text.utf8.elementsEqual(text.utf8) else { return "a client id in another form" }
        }
        guard input.count >= 16 else { return nil }
        let id = ClientID(
            high: input.loadUnaligned(as: UInt64.self), low: input.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
        return ClientID(id.text) == id ? nil : "a client id that is not read again"
    }
}
