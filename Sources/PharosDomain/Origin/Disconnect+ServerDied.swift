extension Disconnect {
    /// Told of connections that ended with the server's process, after its restart.
    ///
    /// No client ever receives it.
    package static let serverDied = Disconnect(code: 3002, reason: "server died")
}
