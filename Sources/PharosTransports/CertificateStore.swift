#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

package import Logging
import NIOCore
package import NIOSSL
package import PharosDomain
import Synchronization

/// The certificate and key that new TLS connections get; read from files, replaced while the server runs. Any thread.
package final class CertificateStore: Sendable {
    /// What a file looked like when it was read: another value means that it was written or replaced.
    private struct Stamp: Equatable {
        var inode: UInt64 = 0
        var size: Int64 = -1
        var seconds: Int = 0
        var nanoseconds: Int = 0
    }

    private struct State {
        var context: NIOSSLContext
        var stamps: [Stamp]
    }

    private let settings: TLSSettings
    private let logger: Logger
    private let state: Mutex<State>

    /// Reads both files.
    package init(settings: TLSSettings, logger: Logger) throws(TLSListenerError) {
        self.settings = settings
        self.logger = logger
        let stamps = Self.stamps(of: settings)
        self.state = Mutex(State(context: try Self.makeContext(settings), stamps: stamps))
    }

    /// For a connection that begins now; earlier connections keep theirs.
    package var context: NIOSSLContext { state.withLock { $0.context } }

    /// Reads both files again. When they are no good the error says why, and the pair in use stays.
    package func reload() throws(TLSListenerError) {
        // Taken before reading: a change during the read is seen as one at the next check.
        let stamps = Self.stamps(of: settings)
        do throws(TLSListenerError) {
            let context = try Self.makeContext(settings)
            state.withLock { $0 = State(context: context, stamps: stamps) }
        } catch {
            // The same bad pair is reported once, not at each check.
            state.withLock { $0.stamps = stamps }
            throw error
        }
    }

    /// Reads both files again if one of them changed. Says what it did in the log.
    package func reloadIfChanged() {
        let stamps = Self.stamps(of: settings)
        guard state.withLock({ $0.stamps != stamps }) else { return }
        do throws(TLSListenerError) {
            try reload()
            logger.info("TLS certificate reloaded", metadata: ["file": "\(settings.certificateFile)"])
        } catch {
            logger.error("TLS certificate not reloaded, the old one stays in use", metadata: ["error": "\(error)"])
        }
    }

    private static func stamps(of settings: TLSSettings) -> [Stamp] {
        [settings.certificateFile, settings.keyFile].map { path in
            var status = stat()
            guard stat(path, &status) == 0 else { return Stamp() }
            return Stamp(
                inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: status.st_mtim.tv_sec,
                nanoseconds: status.st_mtim.tv_nsec)
        }
    }

    private static func makeContext(_ settings: TLSSettings) throws(TLSListenerError) -> NIOSSLContext {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMFile(settings.certificateFile)
        } catch {
            throw TLSListenerError(code: .certificate, subject: settings.certificateFile, underlying: error)
        }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(file: settings.keyFile, format: .pem)
        } catch {
            throw TLSListenerError(code: .key, subject: settings.keyFile, underlying: error)
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        configuration.shutdownTimeout = .seconds(2)
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw TLSListenerError(code: .mismatch, subject: settings.keyFile, underlying: error)
        }
    }
}
