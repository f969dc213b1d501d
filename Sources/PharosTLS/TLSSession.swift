package import CPharosTLS

/// The result of one `receive`.
package struct TLSProgress: Sendable {
    package enum Status: Equatable, Sendable {
        /// All input is taken; more is welcome.
        case open
        /// The room for plaintext is full.
        ///
        /// Call again with it emptied, and with the input that was not consumed.
        case full
        /// The peer has said that it sends nothing more. It may still be sent to.
        case closed
        /// Send the output, which may hold an alert, and close.
        case failed(TLSFailure)
    }

    /// Bytes of the input; all of it unless `full`.
    package let consumed: Int
    /// Bytes of plaintext.
    package let produced: Int
    package let status: Status
}

/// The part of a session that a client keeps in order to resume it.
package final class TLSResumption: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) { self.pointer = pointer }

    deinit { pharos_tls_resumption_free(pointer) }
}

/// One TLS connection as a machine without IO.
///
/// Ciphertext goes in, plaintext comes out, and the other way.
///
/// It holds no buffers while it is idle. What has come of a record that is not whole is kept, in about 17 kB. One pointer in
/// size; one thread at a time, also when it is freed.
package struct TLSSession: ~Copyable {
    /// Bytes that a record adds to its plaintext at most.
    package static let recordOverhead = 29
    /// Bytes of plaintext in a record at most.
    package static let recordSize = 16_384

    private let pointer: OpaquePointer

    /// A client has connected. Nil: there is no memory.
    package init?(accepting context: TLSContext) {
        guard let pointer = pharos_tls_accept(context.pointer) else { return nil }
        self.pointer = pointer
    }

    /// Begins a session as the client; `receive` without input gives its first bytes.
    ///
    /// - Parameters:
    ///   - host: asked for, and what the server's certificate must be for.
    ///   - isAddress: `host` is an IP address: it is not asked for, only checked.
    ///   - resumption: of an earlier session with the same server.
    /// Nil: there is no memory, or the name is none.
    package init?(
        connecting context: TLSContext, to host: String, isAddress: Bool = false,
        resuming resumption: TLSResumption? = nil
    ) {
        guard !context.isServer, !host.isEmpty,
            let pointer = pharos_tls_connect(context.pointer, host, isAddress ? 1 : 0, resumption?.pointer)
        else { return nil }
        self.pointer = pointer
    }

    deinit { pharos_tls_free(pointer) }

    /// Takes what has come from the peer.
    ///
    /// All input is consumed and `full` does not occur if `plaintext` has room for the input and `recordSize` more. After
    /// `closed` and `failed` input is thrown away.
    ///
    /// - Parameters:
    ///   - input: ciphertext; not changed, not kept.
    ///   - plaintext: where decrypted bytes go, from its beginning.
    ///   - output: what must be sent is appended: the handshake, alerts, new keys.
    package mutating func receive(
        _ input: UnsafeRawBufferPointer, plaintext: UnsafeMutableRawBufferPointer, output: inout TLSOutput
    ) -> TLSProgress {
        let progress = pharos_tls_receive(
            pointer, input.baseAddress, input.count, plaintext.baseAddress, plaintext.count, &output.raw)
        let status: TLSProgress.Status =
            switch Int(progress.status) {
            case PHAROS_TLS_OPEN: .open
            case PHAROS_TLS_FULL: .full
            case PHAROS_TLS_CLOSED: .closed
            default: .failed(failure)
            }
        return TLSProgress(consumed: progress.consumed, produced: progress.produced, status: status)
    }

    /// Appends `bytes` to `output` as records.
    ///
    /// false: the session has failed, or the handshake is not done.
    package mutating func encrypt(_ bytes: UnsafeRawBufferPointer, into output: inout TLSOutput) -> Bool {
        var slice = pharos_tls_slice(base: bytes.baseAddress, count: bytes.count)
        return pharos_tls_send(pointer, &slice, 1, &output.raw) == 1
    }

    /// Small slices share records, large ones are not copied.
    package mutating func encrypt(_ slices: UnsafeBufferPointer<pharos_tls_slice>, into output: inout TLSOutput) -> Bool
    {
        pharos_tls_send(pointer, slices.baseAddress, slices.count, &output.raw) == 1
    }

    /// Ends the sending direction, if the handshake is done.
    ///
    /// The peer is informed; what it still sends may be received.
    package mutating func close(into output: inout TLSOutput) {
        pharos_tls_close(pointer, &output.raw)
    }

    /// Whether plaintext may be sent.
    package var isHandshakeComplete: Bool { pharos_tls_is_established(pointer) == 1 }
    package var isResumed: Bool { pharos_tls_is_resumed(pointer) == 1 }
    /// Why it has failed.
    package var failure: TLSFailure { TLSFailure(code: pharos_tls_error(pointer)) }
    /// `TLSv1.2` or `TLSv1.3`.
    package var version: String {
        switch pharos_tls_version(pointer) {
        case 0x0304: "TLSv1.3"
        case 0x0303: "TLSv1.2"
        default: "unknown"
        }
    }
    package var cipher: String { pharos_tls_cipher(pointer).map { String(cString: $0) } ?? "" }

    /// Chosen by ALPN; empty: nothing was offered.
    ///
    /// Asked for without `String`s: `selected`.
    package var selectedProtocol: String {
        var bytes: UnsafePointer<UInt8>?
        let count = pharos_tls_protocol(pointer, &bytes)
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    /// Whether ALPN has chosen `name`.
    package func selected(_ name: StaticString) -> Bool {
        var bytes: UnsafePointer<UInt8>?
        let count = pharos_tls_protocol(pointer, &bytes)
        return UnsafeBufferPointer(start: bytes, count: count).elementsEqual(
            UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    /// The host name that the client asked for.
    package var serverName: String? { pharos_tls_server_name(pointer).map { String(cString: $0) } }

    /// Of a client's session, once a ticket has come.
    package var resumption: TLSResumption? { pharos_tls_resumption_of(pointer).map { TLSResumption($0) } }

    /// TLS 1.3: takes new keys and asks the peer for the same.
    ///
    /// TLS 1.2: asks for a renegotiation. For tests.
    mutating func rekey(into output: inout TLSOutput) -> Bool { pharos_tls_rekey(pointer, &output.raw) == 1 }
}
