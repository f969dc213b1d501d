import PharosDomain
import PharosEdge
import PharosProtocol

/// A path of the server API.
enum APIPath: Sendable, Equatable {
    /// `POST /api/<method>`.
    case method(MethodName)
    /// `POST /api` with `{"method":…,"params":…}`.
    case envelope

    static let publish = method("publish")

    /// The method that the path names; nil: the body does.
    var method: MethodName? {
        if case .method(let name) = self { name } else { nil }
    }

    /// The part of the server that answers; nil: the path leads nowhere.
    var home: ServerAPI.Home? { method.map { ServerAPI.home(of: $0) } ?? .shards }

    /// Whether the responder answers the call, and not the shards.
    var isResponders: Bool { home == .responder }

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
