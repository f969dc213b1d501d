import PharosDomain
import PharosEdge

/// The addresses at which clients connect.
package enum Endpoint: CaseIterable, Sendable {
    case webSocket, httpStream, eventStream, emulation, events, poll, sessionPoll

    /// nil: another address.
    init?(_ path: UnsafeRawBufferPointer) {
        // All others begin differently, and the hot API path is among them.
        guard path.count >= 5, path[1] != UInt8(ascii: "a") else { return nil }
        guard let found = Endpoint.allCases.first(where: { path.elementsEqual($0.path) }) else { return nil }
        self = found
    }

    private var path: UnsafeRawBufferPointer {
        let path: StaticString =
            switch self {
            case .webSocket: "/connection/websocket"
            case .httpStream: "/connection/http_stream"
            case .eventStream: "/connection/sse"
            case .emulation: "/emulation"
            case .events: "/events"
            case .poll: "/poll"
            case .sessionPoll: "/connection/poll"
            }
        return UnsafeRawBufferPointer(start: path.utf8Start, count: path.utf8CodeUnitCount)
    }

    func isOpen(_ settings: TransportSettings) -> Bool {
        switch self {
        case .webSocket: true
        case .httpStream: settings.httpStream
        case .eventStream: settings.sse
        case .emulation: settings.httpStream || settings.sse
        case .events: settings.events
        case .poll, .sessionPoll: settings.poll
        }
    }

    /// Whether the method is served.
    ///
    /// Says the same as `methods`, without taking a text apart for every request.
    func allows(_ method: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .webSocket, .events, .poll: method.elementsEqual("GET".utf8)
        case .httpStream, .emulation: method.elementsEqual("POST".utf8)
        case .eventStream, .sessionPoll: method.elementsEqual("GET".utf8) || method.elementsEqual("POST".utf8)
        }
    }

    /// As in the header `Allow`; `OPTIONS` is answered everywhere.
    var methods: String {
        switch self {
        case .webSocket, .events, .poll: "GET, OPTIONS"
        case .httpStream, .emulation: "POST, OPTIONS"
        case .eventStream, .sessionPoll: "GET, POST, OPTIONS"
        }
    }
}
