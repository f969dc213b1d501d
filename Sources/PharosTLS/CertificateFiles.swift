#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

import PharosBytes

/// The certificates and keys that new sessions get.
///
/// They are read from files and replaced while the server runs. Any thread.
package final class CertificateFiles: Sendable {
    /// The result of a look at the files.
    package enum Check: Equatable, Sendable {
        /// They are as they were at the last look.
        case unchanged
        case reloaded
        /// They are no good; the ones in use stay. Reported once for each change.
        case refused(TLSError)
    }

    /// The state of a file when it was read.
    ///
    /// Another value means that it was written or replaced.
    private struct Stamp: Equatable {
        var inode: UInt64 = 0
        var size: Int64 = -1
        var seconds: Int = 0
        var nanoseconds: Int = 0
    }

    private struct State {
        var context: TLSContext
        var stamps: [Stamp]
    }

    private let identities: [TLSIdentity]
    private let protocols: [String]
    /// The same for all contexts: clients resume after a reload.
    private let tickets: TLSTicketKeys
    private let state: Locked<State>

    /// Reads all files.
    package init(_ identities: [TLSIdentity], protocols: [String] = ["http/1.1"]) throws(TLSError) {
        let tickets = try TLSTicketKeys()
        let stamps = Self.stamps(of: identities)
        let context = try TLSContext.server(identities, protocols: protocols, tickets: tickets)
        self.identities = identities
        self.protocols = protocols
        self.tickets = tickets
        state = Locked(State(context: context, stamps: stamps))
    }

    /// For a connection that begins now; earlier connections keep theirs.
    package var context: TLSContext { state.withLock { $0.context } }

    /// Reads all files again.
    ///
    /// When they are no good the error says why, and those in use stay.
    package func reload() throws(TLSError) {
        // Taken before reading: a change during the read is seen as one at the next check.
        let stamps = Self.stamps(of: identities)
        do throws(TLSError) {
            let context = try TLSContext.server(identities, protocols: protocols, tickets: tickets)
            state.withLock { $0 = State(context: context, stamps: stamps) }
        } catch {
            // The same bad pair is reported once, not at each check.
            state.withLock { $0.stamps = stamps }
            throw error
        }
    }

    /// Reads all files again if one of them changed.
    package func reloadIfChanged() -> Check {
        let stamps = Self.stamps(of: identities)
        guard state.withLock({ $0.stamps != stamps }) else { return .unchanged }
        do throws(TLSError) {
            try reload()
            return .reloaded
        } catch {
            return .refused(error)
        }
    }

    private static func stamps(of identities: [TLSIdentity]) -> [Stamp] {
        identities.flatMap { [$0.certificateFile, $0.keyFile] }.map { path in
            var status = stat()
            guard stat(path, &status) == 0 else { return Stamp() }
            return Stamp(
                inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: status.st_mtim.tv_sec,
                nanoseconds: status.st_mtim.tv_nsec)
        }
    }
}
