/// Limits of a server's messages, beyond which its connection is given up.
///
/// All in bytes. They hold whatever limit of payloads the server names in INFO.
package struct NATSLimits: Equatable, Sendable {
    /// One line without its line feed, but for INFO.
    package var lineBytes = 4_096
    /// The line of an INFO, which lists the servers of a cluster.
    package var infoBytes = 65_536
    /// The headers and the payload of one message together.
    package var messageBytes = 64 << 20

    package init() {}
}
