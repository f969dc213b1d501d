/// The protocol of one connection to another server, as a machine without IO.
///
/// A `Link` drives it: it connects, encrypts, sends what the machine has written, and connects anew when the connection is
/// lost. All calls come on the link thread, never one inside another. After each of them the link sends what there is to
/// send, looks at `wish`, and waits until `nextDeadlineMs`. Times are monotonic milliseconds.
package protocol LinkMachine: AnyObject {
    /// A connection stands.
    ///
    /// Behind TLS if it is there from the first byte.
    func connected(nowMs: Int64)

    /// The connection is encrypted, after the wish `startTLS`.
    func secured(nowMs: Int64)

    func received(_ bytes: UnsafeRawBufferPointer, nowMs: Int64)

    /// The connection has ended, or none could be made. Another one is tried later.
    func disconnected(_ failure: LinkFailure, nowMs: Int64)

    /// Time has passed.
    func advance(toMs nowMs: Int64)

    /// When `advance` is to be called; `Int64.max`: not by itself.
    var nextDeadlineMs: Int64 { get }

    /// Shows what is to be sent to `body`, which says how many bytes of it were taken.
    ///
    /// Not called, or called with less taken, while the peer takes nothing: the machine bounds what it keeps.
    func withOutput(_ body: (UnsafeRawBufferPointer) -> Int)

    /// The machine's wish to its link, besides sending.
    var wish: LinkWish { get }
}

/// A wish of a machine to its link.
package enum LinkWish: Equatable, Sendable {
    case nothing
    /// Encrypt the connection; `secured` is the answer.
    case startTLS
    /// The connection is of no use any more: end it, and connect anew.
    case reconnect
}

/// Why a link has no connection.
package enum LinkFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The name has no address.
    case unresolved(String)
    /// The system's words, for example "Connection refused".
    case refused(String)
    case timedOut
    case closedByPeer
    case tls(String)
    /// The machine wanted another connection.
    case given

    package var description: String {
        switch self {
        case .unresolved(let reason): "the name cannot be resolved: \(reason)"
        case .refused(let reason): reason
        case .timedOut: "no connection within the time"
        case .closedByPeer: "the peer closed the connection"
        case .tls(let reason): "TLS: \(reason)"
        case .given: "given up by the protocol"
        }
    }
}
