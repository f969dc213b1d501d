import PharosTLS

/// Subscribers with TLS.
///
/// Input is decrypted before it is read, output is encrypted before it is sent.
extension BenchLoad {
    mutating func beginSession(_ index: Int, _ context: TLSContext) {
        let isAddress = plan.host.allSatisfy { $0.isNumber || $0 == "." || $0 == ":" }
        guard let session = TLSSession(connecting: context, to: plan.host, isAddress: isAddress) else {
            return fail(index, "TLS cannot be begun with \(plan.host)")
        }
        let pointer = UnsafeMutablePointer<TLSSession>.allocate(capacity: 1)
        pointer.initialize(to: session)
        connections[index].session = pointer
        connections[index].stage = .securing
        decrypt(index, 0)
    }

    func freeSession(_ index: Int) {
        guard let session = connections[index].session else { return }
        session.deinitialize(count: 1)
        session.deallocate()
        connections[index].session = nil
    }

    /// Goes on with `count` bytes that the buffer holds.
    mutating func decrypt(_ index: Int, _ count: Int) {
        guard let session = connections[index].session else { return }
        let progress = session.pointee.receive(
            UnsafeRawBufferPointer(rebasing: buffer[..<count]), plaintext: plaintext, output: &tlsOutput)
        sendEncrypted(index)
        if case .failed(let failure) = progress.status { return ended(index, "TLS: \(failure)") }
        if connections[index].stage == .securing, session.pointee.isHandshakeComplete { askForUpgrade(index) }
        if progress.produced > 0, connections[index].stage != .closed {
            received(index, UnsafeMutableRawBufferPointer(rebasing: plaintext[..<progress.produced]))
        }
        if progress.status == .closed, connections[index].stage != .closed { ended(index, "closed by the server") }
    }

    mutating func sendEncrypted(_ index: Int) {
        sendWhole(index, tlsOutput.bytes)
        tlsOutput.removeAll()
    }
}
