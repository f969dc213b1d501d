import Glibc

/// Signals that would end the process by default, although nothing is wrong.
enum Signals {
    /// Signals that must not end the process.
    ///
    /// - SIGUSR1, SIGUSR2: what other servers do with them (reopen logs, upgrade) there is nothing of here.
    /// - SIGPIPE: a log whose reader has gone; the write fails, and that is all.
    /// - SIGXFSZ: a limit on the size of files is an error of the write that meets it.
    /// - SIGHUP: until it reads the certificate again, which begins once the server listens.
    static let harmless = [SIGUSR1, SIGUSR2, SIGPIPE, SIGXFSZ, SIGHUP]

    static func ignoreHarmless() {
        for number in harmless { signal(number, SIG_IGN) }
    }
}
