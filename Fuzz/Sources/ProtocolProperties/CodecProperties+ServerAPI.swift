import PharosBytes
import PharosDomain
import PharosProtocol

extension CodecProperties {
    /// A call means the same by its own path, in the old form and in a batch.
    ///
    /// Data that is marked as JSON is JSON, and errors have documented codes.
    ///
    /// The first byte chooses the method, by its place in the list; 255 is the old form.
    package static func serverAPI(_ input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let body = UnsafeRawBufferPointer(rebasing: input[1...])
        let methods = ServerAPI.verbs.map { $0.name }
        do throws(ReplyError) {
            if first == 255 {
                return violation(try APIRequestDecoder.decodeEnvelope(body))
            }
            let method = methods[Int(first) % methods.count]
            let request = try APIRequestDecoder.decode(method: method, body: body)
            guard request.name == method else { return "another method" }
            return violation(request) ?? violation(request, body, method)
        } catch {
            return [100, 104, 107, 108].contains(error.code) ? nil : "an undocumented error"
        }
    }

    private static func violation(_ request: APIRequest) -> String? {
        switch request {
        case .publish(let publish):
            guard !publish.channel.isEmpty, !publish.data.isEmpty else { return "publish without channel or data" }
            return violation(publish)
        case .broadcast(let broadcast):
            return broadcast.channels.isEmpty ? "broadcast to nobody" : violation(broadcast.template)
        case .planned(let verb): return violation(verb)
        case .batch(let batch):
            for case .success(let command) in batch.commands {
                if case .batch = command { return "batch in a batch" }
                if let violation = violation(command) { return violation }
            }
            return nil
        }
    }

    private static func violation(_ verb: any PlannedVerb) -> String? {
        switch verb {
        case let send as APISend:
            guard !send.data.isEmpty, !send.target.isEmpty else { return "a message to nobody, or without data" }
            if send.dataIsJSON, !send.data.withUnsafeBytes({ JSONScanner.isValid($0) }) {
                return "data is marked as JSON and is not"
            }
            return violation(send.target)
        case let disconnect as APIDisconnect: return violation(disconnect.target)
        case let unsubscribe as APIUnsubscribe: return violation(unsubscribe.target)
        case let connections as APIConnections:
            return (1...APIConnections.pageLimit).contains(connections.limit) ? nil : "a page of no allowed size"
        default: return nil
        }
    }

    private static func violation(_ target: APITarget) -> String? {
        if target.all, target.isSingle || !target.user.isEmpty || !target.channel.isEmpty { return "all, and yet not" }
        return nil
    }

    private static func violation(_ publish: APIPublish) -> String? {
        guard publish.dataIsJSON, !publish.data.isEmpty else { return nil }
        return publish.data.withUnsafeBytes { JSONScanner.isValid($0) } ? nil : "data is marked as JSON and is not"
    }

    /// Compares the other two ways to say the same.
    ///
    /// Unless nesting comes near the scanner's limit.
    private static func violation(_ request: APIRequest, _ body: UnsafeRawBufferPointer, _ method: MethodName)
        -> String?
    {
        let depth = body.count { $0 == UInt8(ascii: "{") || $0 == UInt8(ascii: "[") }
        guard !body.isEmpty, depth < 50 else { return nil }
        var envelope = ByteWriter()
        envelope.append(#"{"method":""#)
        envelope.append(method)
        envelope.append(#"","params":"#)
        envelope.append(body)
        envelope.append("}")
        guard envelope.withBytes({ try? APIRequestDecoder.decodeEnvelope($0) }) == request else {
            return "the old form means something else"
        }
        guard method != APIBatch.name else { return nil }
        var batch = ByteWriter()
        batch.append(#"{"commands":[{""#)
        batch.append(method)
        batch.append("\":")
        batch.append(body)
        batch.append("}]}")
        let inBatch = batch.withBytes { try? APIRequestDecoder.decode(method: "batch", body: $0) }
        return inBatch == .batch(APIBatch([.success(request)], parallel: false))
            ? nil : "in a batch it means something else"
    }
}
