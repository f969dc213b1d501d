import PharosCluster
import PharosDomain
import PharosLinks
import PharosNATS

@testable import PharosNATSEngine

/// The properties of what the engine over NATS stores and sends, for any input.
package enum NATSEngineProperties {
    /// Messages that are read are written so that they are read as the same.
    ///
    /// Nothing that a broker or another node sends ends the process. The first byte chooses the decoder.
    ///
    /// - Returns: the property that is violated, or nil.
    package static func messages(_ input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let body = Array(input.dropFirst())
        switch first % 10 {
        case 0: return mark(String(decoding: body, as: UTF8.self))
        case 1:
            guard let envelopes = PublicationPack.read(body) else { return nil }
            let again = PublicationPack.read(PublicationPack.bytes(envelopes.map { $0.encoded() }))
            return again == envelopes ? nil : "another pack"
        case 2:
            guard let message = LiveMessage(body) else { return nil }
            guard let again = LiveMessage(message.encoded) else { return "a live message is not read again" }
            return letters(again) == letters(message) ? nil : "another live message"
        case 3: return order(body)
        case 4:
            guard let answer = ForwardedAnswer(body) else { return nil }
            return ForwardedAnswer(answer.encoded) == answer ? nil : "another answer"
        case 5:
            let position = KeyPayload.read(body)
            return KeyPayload.read(KeyPayload.bytes(position)) == position ? nil : "another position"
        case 6:
            _ = try? StreamDescription(body)
            _ = try? JetStreamAcknowledgement.read(body)
            return nil
        case 7:
            guard case .success(let raw)? = try? JetStreamStoredMessage.read(body) else { return nil }
            return StoredMessage(raw).flatMap { stored($0) }
        case 8: return live(body)
        default:
            _ = ServerClock.milliseconds(String(decoding: body, as: UTF8.self))
            return nil
        }
    }

    private static func letters(_ value: Any) -> [UInt8] { "\(value)".utf8.sorted() }

    private static func mark(_ text: String) -> String? {
        guard let mark = StoredMark(text) else { return nil }
        guard mark.kind != .publication || mark.firstOffset > 0 else { return "a publication without an offset" }
        return StoredMark(mark.text) == mark ? nil : "another mark: \(mark)"
    }

    private static func order(_ body: [UInt8]) -> String? {
        guard let order = ForwardedOrder(body) else { return nil }
        guard let again = ForwardedOrder(order.encoded) else { return "an order is not read again" }
        guard letters(again) == letters(order) else { return "another order: \(order), \(again)" }
        // The home makes a stream for it, if there is none.
        let id = StreamID(
            of: order.append.channel, RetentionClass(order.append.retention, isInMemory: order.isInMemory), streams: 8)
        let settings = NATSEngineSettings(link: LinkSettings(addresses: []))
        let configuration = StreamConfiguration(id: id, names: StreamNames(prefix: "ph"), settings: settings)
        do throws(JetStreamMalformed) {
            guard try JetStreamError.find(in: configuration.creation(wallMs: 1)) == nil else { return "an error" }
        } catch {
            return "the stream's configuration is no JSON: \(error.reason)"
        }
        let after = Expiry.atMs(storedMs: .max / 2, order.append.retention)
        return after >= .max / 2 ? nil : "a history that expires before it begins"
    }

    /// The headers of a live message, up to an empty line, and its payload.
    private static func live(_ body: [UInt8]) -> String? {
        let end = body.indices.first { body[$0...].starts(with: "\r\n\r\n".utf8) }.map { $0 + 4 } ?? body.count
        var message = NATSMessage(subscription: 1, subject: "ph.l.c", payload: Array(body[end...]))
        message.headers = Array(body[..<end]).withUnsafeBytes { NATSHeaders(block: $0) }
        return StoredMessage(message).flatMap { stored($0) }
    }

    private static func stored(_ message: StoredMessage) -> String? {
        let offsets = message.envelopes.map(\.publication.offset)
        guard message.mark.kind == .publication, !offsets.isEmpty else {
            return offsets.allSatisfy { $0 == 0 } ? nil : "a signal with an offset"
        }
        guard offsets.last == message.mark.position.offset else { return "the last offset is not the mark's" }
        return zip(offsets, offsets.dropFirst()).allSatisfy { $0 + 1 == $1 } ? nil : "a gap within a message"
    }
}
