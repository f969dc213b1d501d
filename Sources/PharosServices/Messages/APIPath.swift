import PharosDomain
import PharosEdge

/// What a path under `/api` asks for.
enum APIPath: Sendable, Equatable {
    /// `POST /api/<method>`.
    case method(MethodName)
    /// `POST /api` with `{"method":…,"params":…}`.
    case envelope

    /// Whether the responder answers the call, from the event log: all others are the shards'.
    var isResponders: Bool { self == .method("snapshot") }

    /// nil: not the server API's.
    init?(_ path: UnsafeRawBufferPointer) {
        let prefix: StaticString = "/api"
        guard path.count >= prefix.utf8CodeUnitCount,
            path.prefix(prefix.utf8CodeUnitCount).elementsEqual(
                UnsafeRawBufferPointer(start: prefix.utf8Start, count: 4))
        else { return nil }
        let rest = path.dropFirst(4)
        if rest.isEmpty {
            self = .envelope
            return
        }
        guard rest.first == UInt8(ascii: "/"), rest.count > 1 else { return nil }
        self = .method(MethodName(decoding: rest.dropFirst()))
    }
}
