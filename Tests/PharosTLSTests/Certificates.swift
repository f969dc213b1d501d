import Foundation

import PharosTLS

/// Certificates of a small authority, made by `openssl`.
///
/// They have a directory of their own, which goes with the value.
///
/// They have a directory of their own, which goes with the value.
final class Certificates: Sendable {
    enum Key: String, CaseIterable, Sendable {
        case rsa, ecdsa, ed25519

        var arguments: [String] {
            switch self {
            case .rsa: ["-newkey", "rsa:2048"]
            case .ecdsa: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
            case .ed25519: ["-newkey", "ed25519"]
            }
        }
    }

    struct Failure: Error {
        let arguments: [String]
    }

    /// Made once for all tests that only need some.
    static let shared = Result { try Certificates() }

    let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("pharos-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        try openssl(
            ["req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=Test authority"] + Key.ecdsa.arguments
                + ["-keyout", path("ca.key"), "-out", path("ca.pem")])
        for key in Key.allCases { try issue(key.rawValue, key: key, names: ["localhost", "*.example.org"]) }
        try issue("other", key: .ecdsa, names: ["other.example.org"])
    }

    deinit { try? FileManager.default.removeItem(at: directory) }

    var authority: String { path("ca.pem") }

    func path(_ name: String) -> String { directory.appendingPathComponent(name).path }

    func identity(_ name: String = "ecdsa", names: [String] = []) -> TLSIdentity {
        TLSIdentity(certificateFile: path(name + ".pem"), keyFile: path(name + ".key"), names: names)
    }

    /// A pair signed by the authority; `names` may hold IP addresses as "IP:127.0.0.1".
    func issue(_ name: String, key: Key, names: [String], days: Int = 2) throws {
        try openssl(
            ["req", "-nodes", "-subj", "/CN=\(names[0])"] + key.arguments
                + ["-keyout", path(name + ".key"), "-out", path(name + ".csr")])
        let extensions = "subjectAltName=" + names.map { $0.contains(":") ? $0 : "DNS:" + $0 }.joined(separator: ",")
        try Data(extensions.utf8).write(to: directory.appendingPathComponent(name + ".ext"))
        try openssl([
            "x509", "-req", "-in", path(name + ".csr"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"),
            "-set_serial", String(UInt32.random(in: 1...UInt32.max)), "-days", String(days), "-extfile",
            path(name + ".ext"), "-out", path(name + ".pem"),
        ])
    }

    func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(arguments: arguments) }
    }
}
