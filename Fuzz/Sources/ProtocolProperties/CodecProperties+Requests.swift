import PharosBytes
import PharosDomain
import PharosProtocol

extension CodecProperties {
    /// Accepted polls, event streams and `/emulation` keep their limits.
    ///
    /// Cursors have one form only.
    ///
    /// The first byte chooses the decoder.
    package static func requests(_ input: UnsafeRawBufferPointer) -> String? {
        guard let first = input.first else { return nil }
        let body = UnsafeRawBufferPointer(rebasing: input[1...])
        switch first % 7 {
        case 0: return cursor(body)
        case 1: return position(body)
        case 2: return events(body)
        case 3: return poll(body)
        case 4: return sessionPoll(body)
        case 5: return emulation(body, try? EmulationRequest.decodeJSON(body, dataLimit: 64))
        default: return emulation(body, try? EmulationRequest.decodeProtobuf(body, dataLimit: 64))
        }
    }

    private static func cursor(_ text: UnsafeRawBufferPointer) -> String? {
        guard let positions = try? PositionCursor.decode(text, channelLimit: 8) else { return nil }
        return positions.count <= 8 ? nil : "more channels than the limit"
    }

    private static func position(_ text: UnsafeRawBufferPointer) -> String? {
        let text = String(decoding: text, as: UTF8.self)
        guard let position = try? StreamPosition(text: text) else { return nil }
        return position.text == text || ":" + position.text == text ? nil : "a position in another form"
    }

    private static func events(_ query: UnsafeRawBufferPointer) -> String? {
        guard let request = try? EventsRequest.decode(query: query, fields: RequestFields(lastEventID: query)) else {
            return nil
        }
        guard request.channels.count <= 128, Set(request.channels).count == request.channels.count else {
            return "channels beyond the limit or twice"
        }
        return request.session.isEmpty || request.session.isValid ? nil : "a session key out of form"
    }

    private static func poll(_ query: UnsafeRawBufferPointer) -> String? {
        guard let request = try? PollRequest.decode(query: query, fields: RequestFields()) else { return nil }
        guard (1...128).contains(request.channels.count) else { return "channels beyond the limit" }
        guard (0...60).contains(request.waitSeconds), (1...1_000).contains(request.limit) else { return "out of range" }
        return request.isRoom && (request.channels.count != 1 || !request.isExclusive) ? "a room of many" : nil
    }

    private static func sessionPoll(_ query: UnsafeRawBufferPointer) -> String? {
        guard let request = try? SessionPollRequest.decode(query: query, isPost: true) else { return nil }
        guard request.session.isValid else { return "a session key out of form" }
        return (0...60).contains(request.waitSeconds) ? nil : "out of range"
    }

    private static func emulation(_ body: UnsafeRawBufferPointer, _ request: EmulationRequest?) -> String? {
        guard let request else { return nil }
        guard !request.session.isEmpty, !request.data.isEmpty else { return "nothing in it" }
        return request.data.count <= min(64, body.count) ? nil : "more data than the limit"
    }
}
