import NIOCore
import PharosBytes
import PharosDomain
import PharosProtocol
import Synchronization

/// Makes the complete bytes of requests to one origin, in its form.
///
/// Called from every shard at once.
final class OriginRequestBuilder: Sendable {
    private let settings: OriginSettings
    private let node: String
    private let writer: OriginRequestWriter
    private let permissionWriter: OriginRequestWriter
    private let headers: CloudEventHeaders
    private let signer: RequestSigner?
    private let emulatedNames: Set<FieldName>
    /// Makes ids unique over restarts.
    private let run: String
    private let count = Atomic<UInt64>(0)

    init(_ settings: OriginSettings, address: HTTPAddress, node: String) {
        self.settings = settings
        self.node = node
        writer = OriginRequestWriter(
            method: "POST", target: address.target, authority: address.authority,
            staticHeaders: settings.staticHeaders)
        permissionWriter = OriginRequestWriter(
            method: "OPTIONS", target: address.target, authority: address.authority,
            staticHeaders: settings.staticHeaders)
        headers = CloudEventHeaders(node: node)
        signer = RequestSigner(secret: settings.secret)
        emulatedNames = Set(settings.emulatedHeaders.map(\.asciiLowercased))
        run = String(UInt64.random(in: .min ... .max), radix: 16)
    }

    /// nil: the origin's form has no such question.
    func ask(_ request: HookRequest) -> ByteBuffer? {
        let facts = request.facts.limited(to: settings.passes)
        let emulated = emulatedHeaders(of: request)
        let kind = request.question.kind
        switch settings.form {
        case .proxy:
            var body = ByteWriter()
            HookQuestionEncoder.encode(
                request, binary: settings.binaryEncoding, includesMeta: settings.includeConnectionMeta, into: &body)
            return message(id: nil, hook: kind.rawValue, contentType: "application/json", body: body) {
                writer.append(facts, emulated: emulated, into: &$0)
            }
        case .cloudEvents:
            var facts = facts
            facts.headers.merge(emulated) { sent, _ in sent }
            var body = ByteWriter()
            HookQuestionEncoder.encode(
                request, binary: settings.binaryEncoding, includesMeta: true, facts: facts, into: &body)
            let id = nextID()
            return message(id: id, contentType: "application/json", body: body) {
                headers.append(request, id: id, nowMs: WallClock.nowMs(), into: &$0)
            }
        case .authorize:
            guard kind == .handshake else { return nil }
            return message(id: nil, hook: kind.rawValue, contentType: "", body: ByteWriter(capacity: 16)) {
                writer.append(facts, into: &$0)
            }
        case .webSocketService: return nil
        }
    }

    func raw(_ event: RawEvent) -> ByteBuffer? {
        var body = ByteWriter()
        switch settings.form {
        case .webSocketService:
            WebSocketServiceEncoder.encode(event, into: &body)
            return message(id: nil, contentType: "application/json", body: body) { _ in }
        case .proxy, .cloudEvents:
            let type = RawEventEncoder.encode(event, facts: event.facts.limited(to: settings.passes), into: &body)
            let id = "\(event.connection)/\(event.sequence)"
            return message(id: id, hook: "raw", contentType: type, body: body) {
                headers.append(event, id: id, nowMs: WallClock.nowMs(), into: &$0)
            }
        case .authorize: return nil
        }
    }

    /// The requests that tell all of `events`; nil: the form has none.
    ///
    /// Those of websocket-service know one event only.
    func events(_ events: [NumberedEvent]) -> [ByteBuffer]? {
        guard let first = events.first, let last = events.last else { return [] }
        let id = "\(node)/\(first.sequence)-\(last.sequence)"
        var body = ByteWriter(capacity: 256 * events.count)
        switch settings.form {
        case .proxy:
            OriginEventEncoder.encode(events, into: &body)
            return [message(id: id, hook: "events", contentType: "application/json", body: body) { _ in }]
        case .cloudEvents:
            OriginEventEncoder.encodeCloudEvents(events, node: node, into: &body)
            return [batch(id: id, body)]
        case .webSocketService:
            return events.filter { $0.event.kind == .rawClosed }.map { numbered in
                var body = ByteWriter()
                WebSocketServiceEncoder.encodeClosed(numbered.event.client, into: &body)
                return message(id: "\(node)/\(numbered.sequence)", contentType: "application/json", body: body) { _ in }
            }
        case .authorize: return nil
        }
    }

    func keepAlive(_ clients: [ClientName], sequence: UInt64) -> [ByteBuffer]? {
        guard settings.form != .authorize else { return nil }
        return stride(from: 0, to: clients.count, by: WebSocketServiceEncoder.keepAliveLimit).map { start in
            let part = clients[start..<min(start + WebSocketServiceEncoder.keepAliveLimit, clients.count)]
            var body = ByteWriter(capacity: 64 * part.count)
            let id = nextID()
            switch settings.form {
            case .cloudEvents:
                OriginEventEncoder.encodeCloudEventKeepAlive(
                    part, sequence: sequence, node: node, id: id, nowMs: WallClock.nowMs(), into: &body)
                return batch(id: id, body)
            case .webSocketService: WebSocketServiceEncoder.encodeKeepAlive(part, into: &body)
            case .proxy, .authorize: OriginEventEncoder.encodeKeepAlive(part, sequence: sequence, into: &body)
            }
            return message(id: id, hook: "keep_alive", contentType: "application/json", body: body) { _ in }
        }
    }

    /// Asks whether webhooks are welcome (CloudEvents HTTP 1.1 Web Hooks, section 4.1).
    func permission() -> ByteBuffer {
        var head = ByteWriter()
        permissionWriter.begin(into: &head)
        OriginRequestWriter.append("webhook-request-origin", node, into: &head)
        permissionWriter.end(contentLength: 0, into: &head)
        return head.withBytes { ByteBuffer(bytes: $0) }
    }

    /// Whether the receiver's answer names this node.
    func isPermission(_ answer: HTTPAnswer) -> Bool {
        guard answer.isSuccess, let allowed = answer.allowedOrigin else { return false }
        return allowed == "*" || NodeName(allowed).asciiLowercased == NodeName(node).asciiLowercased
    }

    private func batch(id: String, _ body: borrowing ByteWriter) -> ByteBuffer {
        message(id: id, contentType: "application/cloudevents-batch+json; charset=utf-8", body: body) { _ in }
    }

    /// - Parameters:
    ///   - id: for the signature; nil: one is made if there is a signature at all.
    ///   - hook: distinguishes questions whose bodies are alike, in forms that have no other sign of it.
    private func message(
        id: String?, hook: String = "", contentType: String, body: borrowing ByteWriter,
        fields: (inout ByteWriter) -> Void
    ) -> ByteBuffer {
        var message = ByteWriter(capacity: 640 + body.count)
        writer.begin(into: &message)
        if !hook.isEmpty, settings.form == .proxy || settings.form == .authorize {
            OriginRequestWriter.append("x-pharos-hook", hook, into: &message)
        }
        if !contentType.isEmpty { OriginRequestWriter.append("content-type", contentType, into: &message) }
        fields(&message)
        body.withBytes { bytes in
            signer?.append(id: id ?? nextID(), seconds: WallClock.nowMs() / 1_000, body: bytes, into: &message)
            writer.end(contentLength: bytes.count, into: &message)
            message.append(bytes)
        }
        return message.withBytes { ByteBuffer(bytes: $0) }
    }

    private func nextID() -> String {
        "\(run)-\(count.wrappingAdd(1, ordering: .relaxed).newValue)"
    }

    private func emulatedHeaders(of request: HookRequest) -> [FieldName: String] {
        guard !emulatedNames.isEmpty, case .connect(_, _, _, let headers) = request.question else { return [:] }
        var allowed: [FieldName: String] = [:]
        for (name, value) in headers where emulatedNames.contains(name.asciiLowercased) {
            allowed[name.asciiLowercased] = value
        }
        return allowed
    }
}
