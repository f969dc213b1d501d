package import PharosDomain

/// The `type` attribute of every CloudEvent that Pharos sends.
package enum CloudEventType {
    package static let keepAlive = "pharos.node.keep_alive"

    /// Of a question: `pharos.client.connect`.
    package static func asked(_ kind: HookKind) -> String { "pharos.client.\(kind.rawValue)" }

    /// Of something that has happened: `pharos.client.connected`.
    package static func told(_ kind: OriginEvent.Kind) -> String {
        switch kind {
        case .connected, .disconnected, .subscribed, .unsubscribed: "pharos.client.\(kind.rawValue)"
        case .occupied, .vacated: "pharos.channel.\(kind.rawValue)"
        case .rawEstablished: "pharos.raw.established"
        case .rawClosed: "pharos.raw.closed"
        }
    }

    package static func raw(_ kind: RawEvent.Kind) -> String {
        switch kind {
        case .established: "pharos.raw.established"
        case .message: "pharos.raw.message"
        }
    }
}
