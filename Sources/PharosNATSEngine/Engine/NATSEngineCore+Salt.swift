import PharosDomain
import PharosLinks
import PharosNATS

/// The first epochs of channels without a message: see `FirstEpoch`.
extension NATSEngineCore {
    func firstEpoch(of channel: ChannelName, _ id: StreamID, _ body: @escaping (Epoch?) -> Void) {
        salt(of: id) { [unowned self] salt in
            body(
                salt.map { FirstEpoch.of(channel, salt: $0, memoryMs: id.retention.memoryMs, serverMs: serverMs(id)) })
        }
    }

    /// Reads the salt at the stream's leader.
    ///
    /// It does so each time, since the salt is gone with the stream.
    /// All that ask before the question is sent share its answer.
    private func salt(of id: StreamID, _ body: @escaping ([UInt8]?) -> Void) {
        if salts[id] != nil {
            salts[id]?.append(body)
            return
        }
        salts[id] = [body]
        loop.after(0) { [unowned self] in
            let waiting = salts.removeValue(forKey: id) ?? []
            readSalt(id, mayStore: true) { [unowned self] salt in
                for body in waiting { body(salt) }
                deliver()
            }
        }
    }

    private func readSalt(_ id: StreamID, mayStore: Bool, _ body: @escaping ([UInt8]?) -> Void) {
        readRaw(id, #"{"last_by_subj":"\#(names.salt(id))"}"#) { [unowned self] stored in
            switch stored {
            case nil: body(nil)
            case .some(.some(let message)): body(message.payload)
            case .some(nil): mayStore ? storeSalt(id, body) : body(nil)
            }
        }
    }

    private func storeSalt(_ id: StreamID, _ body: @escaping ([UInt8]?) -> Void) {
        var headers = NATSHeaders()
        headers.add(expectedLastSubjectSequence: 0)
        try? headers.add("Nats-TTL", "never")
        var random = SystemRandomNumberGenerator()
        let salt = Array(NATSInbox.token(using: &random).utf8)
        connection.request(
            salt, to: names.salt(id), headers: headers, timeoutMs: max(settings.requestTimeoutMs / 2, 1)
        ) { [unowned self] _ in
            // Stored or not, by this node or another one: what is there now counts.
            readSalt(id, mayStore: false, body)
        }
    }
}
