import CPharosTLS

/// The keys that seal session tickets.
///
/// Contexts share them, so that clients resume after a reload. Any thread.
///
/// A new key is made every 12 hours; the one before it still opens tickets.
package final class TLSTicketKeys: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer

    /// - Throws: when there is no memory, or the system has no random numbers.
    package init() throws(TLSError) {
        guard let pointer = pharos_tls_tickets_make() else {
            throw TLSError(code: .other, subject: "", reason: "no keys for session tickets")
        }
        self.pointer = pointer
    }

    deinit { pharos_tls_tickets_free(pointer) }

    /// Makes a new key now.
    ///
    /// Tickets of the present one are still taken until the next call.
    package func rotate() { _ = pharos_tls_tickets_rotate(pointer) }
}

/// A certificate with its key, and for whom it is shown.
package struct TLSIdentity: Equatable, Sendable {
    package var certificateFile: String
    package var keyFile: String
    /// The host names that clients ask for; the first label may be `*`.
    ///
    /// Empty: the DNS names in the certificate.
    package var names: [String]

    package init(certificateFile: String, keyFile: String, names: [String] = []) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.names = names
    }
}

/// The basis of new sessions.
///
/// It holds certificates and keys, or the authorities that a client trusts.
///
/// Any thread.
///
/// Never changes: a reload makes another one. Sessions keep what they need of theirs, also after it is gone.
package final class TLSContext: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer
    package let isServer: Bool

    private init(_ pointer: OpaquePointer, isServer: Bool) {
        self.pointer = pointer
        self.isServer = isServer
    }

    deinit { pharos_tls_context_free(pointer) }

    /// Reads certificates and keys.
    ///
    /// TLS 1.2 and 1.3, with the system's ciphers.
    ///
    /// - Parameters:
    ///   - identities: the first one is shown to clients that ask for no name, or for one that no identity has.
    ///   - protocols: ALPN, in the order of preference. A client that offers others only is refused; one that offers none
    ///     is not.
    ///   - clientAuthoritiesFile: clients without a certificate of these authorities are refused; empty: none is asked for.
    package static func server(
        _ identities: [TLSIdentity], protocols: [String] = ["http/1.1"], tickets: TLSTicketKeys,
        clientAuthoritiesFile: String = ""
    ) throws(TLSError) -> TLSContext {
        guard let first = identities.first else {
            throw TLSError(code: .certificate, subject: "", reason: "there is none")
        }
        let context = try server(first, protocols: protocols, tickets: tickets)
        try context.add(names(of: first, in: context), for: context)
        for identity in identities.dropFirst() {
            let other = try server(identity, protocols: protocols, tickets: tickets)
            try context.add(names(of: identity, in: other), for: other)
        }
        if !clientAuthoritiesFile.isEmpty { try context.askClients(clientAuthoritiesFile) }
        return context
    }

    private func askClients(_ authoritiesFile: String) throws(TLSError) {
        var step: Int32 = 0
        var error: UInt = 0
        guard pharos_tls_server_ask_clients(pointer, authoritiesFile, &step, &error) == 0 else { return }
        throw TLSContext.failure(step, error, authoritiesFile, authoritiesFile)
    }

    /// - Parameters:
    ///   - authoritiesFile: certificates that are trusted in place of the system's; empty: the system's.
    ///   - identity: shown to servers that ask for a certificate; its names do not matter. Nil: there is none.
    ///   - trustsAll: whatever certificate a server shows is taken, so anybody may be it.
    ///   - protocols: offered by ALPN; empty: none.
    package static func client(
        authoritiesFile: String = "", identity: TLSIdentity? = nil, trustsAll: Bool = false, protocols: [String] = []
    ) throws(TLSError) -> TLSContext {
        var step: Int32 = 0
        var error: UInt = 0
        let offered = try wireForm(protocols)
        let pointer = pharos_tls_client_make(
            authoritiesFile.isEmpty ? nil : authoritiesFile, offered, offered.count, &step, &error)
        guard let pointer else { throw failure(step, error, authoritiesFile, authoritiesFile) }
        let context = TLSContext(pointer, isServer: false)
        if trustsAll { pharos_tls_client_trust_all(pointer) }
        if let identity,
            pharos_tls_client_show(pointer, identity.certificateFile, identity.keyFile, &step, &error) == 0
        {
            throw failure(step, error, identity.certificateFile, identity.keyFile)
        }
        return context
    }

    /// DNS names in the certificate.
    package var certificateNames: [String] {
        var names: [String] = []
        while true {
            let name = String(unsafeUninitializedCapacity: 255) {
                pharos_tls_context_certificate_name(pointer, names.count, $0.baseAddress, $0.count)
            }
            if name.isEmpty { return names }
            names.append(name)
        }
    }

    /// Seconds since 1970 at which the certificate ends; nil: unknown.
    package var notAfter: Int64? {
        let seconds = pharos_tls_context_not_after(pointer)
        return seconds == 0 ? nil : seconds
    }

    /// Speaks only these versions, whether they are safe or not; for tests.
    func setVersions(_ versions: ClosedRange<Int32>) -> Bool {
        pharos_tls_context_set_versions(pointer, versions.lowerBound, versions.upperBound) == 1
    }

    private static func server(
        _ identity: TLSIdentity, protocols: [String], tickets: TLSTicketKeys
    ) throws(TLSError) -> TLSContext {
        var step: Int32 = 0
        var error: UInt = 0
        let offered = try wireForm(protocols)
        let pointer = pharos_tls_server_make(
            identity.certificateFile, identity.keyFile, offered, offered.count, tickets.pointer, &step, &error)
        guard let pointer else { throw failure(step, error, identity.certificateFile, identity.keyFile) }
        return TLSContext(pointer, isServer: true)
    }

    private static func names(of identity: TLSIdentity, in context: TLSContext) -> [String] {
        identity.names.isEmpty ? context.certificateNames : identity.names
    }

    private func add(_ names: [String], for other: TLSContext) throws(TLSError) {
        for name in names where pharos_tls_context_add_name(pointer, name, other.pointer) == 0 {
            throw TLSError(code: .other, subject: name, reason: "out of memory")
        }
    }

    /// ALPN's list (RFC 7301, section 3.1).
    private static func wireForm(_ protocols: [String]) throws(TLSError) -> [UInt8] {
        var bytes: [UInt8] = []
        for name in protocols {
            guard (1...255).contains(name.utf8.count) else {
                throw TLSError(code: .other, subject: name, reason: "not the name of a protocol")
            }
            bytes.append(UInt8(name.utf8.count))
            bytes.append(contentsOf: name.utf8)
        }
        return bytes
    }

    private static func failure(_ step: Int32, _ error: UInt, _ certificate: String, _ key: String) -> TLSError {
        let reason = TLSFailure.words(error)
        return switch Int(step) {
        case PHAROS_TLS_STEP_CERTIFICATE: TLSError(code: .certificate, subject: certificate, reason: reason)
        case PHAROS_TLS_STEP_KEY: TLSError(code: .key, subject: key, reason: reason)
        case PHAROS_TLS_STEP_MATCH: TLSError(code: .mismatch, subject: key, reason: reason)
        case PHAROS_TLS_STEP_AUTHORITIES: TLSError(code: .authorities, subject: certificate, reason: reason)
        default: TLSError(code: .other, subject: certificate, reason: reason)
        }
    }
}
