/// The words of a server about itself, at the start and after changes.
///
/// A field that the server left out has its empty value.
package struct NATSInfo: Equatable, Sendable {
    package var serverID = ""
    package var serverName = ""
    package var version = ""
    /// The version of the protocol; from 1 on INFO may come at any time.
    package var proto = 0
    package var supportsHeaders = false
    package var requiresAuthentication = false
    package var requiresTLS = false
    package var offersTLS = false
    /// Bytes of the largest payload, with its headers, that the server takes.
    ///
    /// 0: it says nothing.
    package var maxPayload = 0
    package var hasJetStream = false
    /// The text to be signed by a client with a key; nil if there is none.
    package var nonce: String?
    /// `host:port` of the cluster's other servers.
    package var connectURLs: [String] = []
    /// The server is about to shut down, and clients should go to another one.
    package var isLameDuck = false
    package var clientID: UInt64 = 0
    package var cluster: String?

    package init() {}
}
