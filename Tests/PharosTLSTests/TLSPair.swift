import CPharosTLS

@testable import PharosTLS

/// One side of a pair: a session, and what it has said and heard.
final class TLSSide {
    private(set) var session: TLSSession
    private var output = TLSOutput()
    /// Decrypted so far.
    var received: [UInt8] = []
    var status = TLSProgress.Status.open
    /// Room for plaintext in each call.
    var room = 65_536

    init?(accepting context: TLSContext) {
        guard let session = TLSSession(accepting: context) else { return nil }
        self.session = session
    }

    init?(
        connecting context: TLSContext, to host: String, isAddress: Bool = false,
        resuming resumption: TLSResumption? = nil
    ) {
        guard let session = TLSSession(connecting: context, to: host, isAddress: isAddress, resuming: resumption) else {
            return nil
        }
        self.session = session
    }

    /// Everything that it wants sent.
    func take() -> [UInt8] {
        defer { output.removeAll() }
        return Array(output.bytes)
    }

    /// Takes all of `bytes`, in as many calls as the room for plaintext asks for.
    func receive(_ bytes: some Collection<UInt8>) {
        var rest = Array(bytes)[...]
        repeat {
            let progress = withUnsafeTemporaryAllocation(byteCount: room, alignment: 16) { plaintext in
                let progress = Array(rest).withUnsafeBytes {
                    session.receive($0, plaintext: plaintext, output: &output)
                }
                received.append(contentsOf: plaintext.prefix(progress.produced))
                return progress
            }
            rest = rest.dropFirst(progress.consumed)
            status = progress.status
        } while status == .full
    }

    func receiveOnce(_ bytes: [UInt8], room: Int, _ output: inout TLSOutput) -> TLSProgress {
        withUnsafeTemporaryAllocation(byteCount: room, alignment: 16) { plaintext in
            bytes.withUnsafeBytes { session.receive($0, plaintext: plaintext, output: &output) }
        }
    }

    func send(slices parts: [[UInt8]]) -> Bool {
        let joined = parts.flatMap { $0 }
        return joined.withUnsafeBytes { bytes in
            var start = 0
            let slices = parts.map { part in
                defer { start += part.count }
                return pharos_tls_slice(base: bytes.baseAddress.map { $0 + start }, count: part.count)
            }
            return slices.withUnsafeBufferPointer { session.encrypt($0, into: &output) }
        }
    }

    func send(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { session.encrypt($0, into: &output) } }
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }
    func close() { session.close(into: &output) }

    var outputCapacity: Int { output.raw.capacity }
    var hasOutput: Bool { !output.isEmpty }
    var isEstablished: Bool { session.isHandshakeComplete }
    var resumption: TLSResumption? { session.resumption }
    var isResumed: Bool { session.isResumed }
    func selected(_ name: StaticString) -> Bool { session.selected(name) }
    func rekey() -> Bool { session.rekey(into: &output) }
    /// Why it has failed, in OpenSSL's words; nil: it has not.
    var failure: String? { if case .failed(let failure) = status { failure.description } else { nil } }
    var text: String { String(decoding: received, as: UTF8.self) }
}

/// A client and a server, and the wire between them.
final class TLSPair {
    let client: TLSSide
    let server: TLSSide

    struct NoSession: Error {}

    init(
        server: TLSContext, client: TLSContext, host: String = "localhost", resuming: TLSResumption? = nil
    ) throws {
        guard let serverSide = TLSSide(accepting: server),
            let clientSide = TLSSide(connecting: client, to: host, resuming: resuming)
        else { throw NoSession() }
        self.server = serverSide
        self.client = clientSide
        self.client.receive([])
    }

    init(server: TLSContext, client: TLSSide) throws {
        guard let serverSide = TLSSide(accepting: server) else { throw NoSession() }
        self.server = serverSide
        self.client = client
        client.receive([])
    }

    /// Carries bytes to and fro until there are none.
    ///
    /// `piece`: bytes that arrive at a time.
    func run(piece: Int = .max) {
        while true {
            let toServer = client.take()
            TLSPair.deliver(toServer, piece) { server.receive($0) }
            let toClient = server.take()
            TLSPair.deliver(toClient, piece) { client.receive($0) }
            if toServer.isEmpty, toClient.isEmpty { return }
        }
    }

    private static func deliver(_ bytes: [UInt8], _ piece: Int, _ receive: (ArraySlice<UInt8>) -> Void) {
        var rest = bytes[...]
        while !rest.isEmpty {
            receive(rest.prefix(piece))
            rest = rest.dropFirst(piece)
        }
    }

    var isEstablished: Bool { client.isEstablished && server.isEstablished }
}

extension Certificates {
    func server(
        _ names: String..., protocols: [String] = ["http/1.1"], tickets: TLSTicketKeys? = nil
    ) throws -> TLSContext {
        try TLSContext.server(
            names.map { identity($0) }, protocols: protocols, tickets: try tickets ?? TLSTicketKeys())
    }

    func client(protocols: [String] = []) throws -> TLSContext {
        try TLSContext.client(authoritiesFile: authority, protocols: protocols)
    }
}
