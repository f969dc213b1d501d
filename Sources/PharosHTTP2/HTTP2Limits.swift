/// The bounds of what one client may do over one HTTP/2 connection.
package struct HTTP2Limits: Equatable, Sendable {
    /// Streams that are open at a time.
    package var maxStreams = 128
    /// Bytes of a request's head.
    package var headSizeLimit = 16_384
    /// Streams that the client may reset in a row.
    ///
    /// A tenth of it comes back each second (CVE-2023-44487).
    package var maxResets = 200
    /// Frames in a row that cost work and bring nothing.
    ///
    /// They are SETTINGS, PING, PRIORITY and empty DATA; a tenth of it comes back each second.
    package var maxControlFrames = 1_000
    /// Bytes that may come on one stream before they are read.
    package var streamWindow = 65_535
    /// The same for all streams of the connection together.
    package var connectionWindow = 1_048_576

    package init() {}
}
