import Logging
import NIOCore
import PharosDomain
import PharosEdge
import PharosTLS

/// The certificate of `http_server.tls`, for shards. Any thread.
///
/// It is looked at again every few seconds, and on SIGHUP.
final class TLSCertificates: TLSContextSource {
    private let files: CertificateFiles
    private let settings: TLSSettings
    private let logger: Logger

    /// Reads certificate and key.
    ///
    /// - Parameter http2: whether it is offered to clients that know it.
    init(_ settings: TLSSettings, http2: Bool, logger: Logger) throws(TLSSettingsError) {
        self.settings = settings
        self.logger = logger
        do throws(TLSError) {
            // HTTP/1.0 is served too, and some clients offer nothing else.
            files = try CertificateFiles(
                [TLSIdentity(certificateFile: settings.certificateFile, keyFile: settings.keyFile)],
                protocols: (http2 ? ["h2"] : []) + ["http/1.1", "http/1.0"])
        } catch {
            throw TLSSettingsError(error)
        }
    }

    var context: TLSContext { files.context }

    /// Reads both files again now; when they are no good the pair in use stays.
    func reload() throws(TLSSettingsError) {
        do throws(TLSError) { try files.reload() } catch { throw TLSSettingsError(error) }
    }

    /// Looks for changed files from now on, until the task is cancelled.
    func watch(on eventLoop: any EventLoop, every interval: TimeAmount = .seconds(5)) -> RepeatedTask {
        eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { _ in self.reloadIfChanged() }
    }

    func reloadIfChanged() {
        switch files.reloadIfChanged() {
        case .unchanged: break
        case .reloaded: logger.info("TLS certificate reloaded", metadata: ["file": "\(settings.certificateFile)"])
        case .refused(let error):
            logger.error(
                "TLS certificate not reloaded, the old one stays in use",
                metadata: ["error": "\(TLSSettingsError(error))"])
        }
    }
}

/// Why TLS cannot be offered, naming the option to fix.
struct TLSSettingsError: Error, CustomStringConvertible {
    let cause: TLSError

    init(_ cause: TLSError) { self.cause = cause }

    var description: String {
        let (file, reason) = (cause.subject, cause.reason)
        return switch cause.code {
        case .certificate: "http_server.tls.cert_pem_file: no certificate could be read from \(file) (\(reason))"
        case .key: "http_server.tls.key_pem_file: no private key could be read from \(file) (\(reason))"
        case .mismatch:
            "http_server.tls.key_pem_file: \(file) is not the key of http_server.tls.cert_pem_file (\(reason))"
        case .authorities, .other: "http_server.tls: \(reason)"
        }
    }
}
