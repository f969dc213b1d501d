/// Certificates, and the port that is encrypted.
extension ImportSession {
    mutating func translateTLS() {
        let section = "http_server.tls"
        let isForeign = ["cert_pem", "key_pem"].contains { isGiven("\(section).\($0)") } || source.isFlat
        for name in ["cert_pem", "key_pem"] {
            guard let value = value("\(section).\(name)") else { continue }
            if flag(section + ".enabled") {
                translatePEM(value, to: "\(section).\(name)_file")
            } else {
                drop(value, "`\(source.written[section + ".enabled"] ?? section + ".enabled")` is off")
            }
        }
        if isForeign, flag(section + ".enabled"), !isGiven(section + ".port") { movePorts() }
        if purpose == .file { noteAddress() }
    }

    /// TLS takes the port that clients know; what is not encrypted moves beside it.
    private mutating func movePorts() {
        let port = text("http_server.port").flatMap { Int($0) } ?? 8000
        let plain = text("http_server.internal_port").flatMap { Int($0) } ?? (port == 65_535 ? port - 1 : port + 1)
        guard let enabled = value("http_server.tls.enabled") else { return }
        let own = take("http_server.port")
        if let own { report.add(.translated, own.written, "-> http_server.tls.port") }
        let origin = own?.origin ?? enabled.origin
        result.put("http_server.port", enabled.replaced(by: "\(plain)"), from: origin)
        result.put("http_server.tls.port", enabled.replaced(by: "\(port)"), from: origin)
        if let inner = take("http_server.internal_port") {
            report.add(.translated, inner.written, "-> http_server.port")
        }
        report.note(
            "TLS is at port \(port), as before; the port without TLS, `http_server.port`, is \(plain) and serves the same: "
                + "let the firewall close it, or choose another")
    }

    private mutating func noteAddress() {
        guard text("http_server.address") == nil else { return }
        report.note(
            "Centrifugo listens on every interface unless it is told otherwise, Pharos on 127.0.0.1: set "
                + "`http_server.address: 0.0.0.0` where others are to reach it")
    }

    /// A PEM is given as a file, as itself, or in base64; here it is a file.
    mutating func translatePEM(_ value: ImportedValue, to target: String) {
        let text = value.text ?? ""
        if text.isEmpty { return drop(value, "it is empty") }
        if text.contains("-----BEGIN") || text.hasPrefix("LS0tLS1") {
            refuse(value, nearest: "write the text to a file, and name the file in `\(target)`")
        } else {
            move(value, to: target)
        }
    }
}
