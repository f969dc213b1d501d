import PharosDomain
import PharosNATS

/// Questions to JetStream, and reads at the leaders of streams.
extension NATSEngineCore {
    /// Asks the JetStream API; nil: no answer.
    func ask(_ subject: String, _ json: [UInt8], _ body: @escaping ([UInt8]?) -> Void) {
        connection.request(json, to: subject, timeoutMs: max(settings.requestTimeoutMs / 2, 1)) { answer in
            if case .messages(let messages) = answer { body(messages.last?.payload) } else { body(nil) }
        }
    }

    /// Reads one message at the stream's leader.
    ///
    /// - Parameter json: the members of the request that say which one.
    func readAtLeader(_ id: StreamID, _ json: String, _ body: @escaping (ChannelWriter.Last) -> Void) {
        readRaw(id, json) { [unowned self] stored in
            switch stored {
            case nil: body(.failed)
            case .some(nil): body(.none)
            case .some(.some(let raw)):
                if let message = StoredMessage(raw) { return body(.message(message)) }
                settings.report("nats: a message on \(raw.subject) is none of this server's")
                body(.failed)
            }
        }
    }

    /// The same for any message; nil: no answer.
    ///
    /// - Parameter mayCreate: whether a stream that turns out to be gone is made anew.
    func readRaw(
        _ id: StreamID, _ json: String, mayCreate: Bool = true, _ body: @escaping (JetStreamStoredMessage??) -> Void
    ) {
        use(id) { [unowned self] use in
            guard case .ready = use, let subject = try? api.getMessage(names.stream(id)) else { return body(nil) }
            ask(subject, Array(json.utf8)) { [unowned self] answer in
                guard let answer, let read = try? JetStreamStoredMessage.read(answer) else { return body(nil) }
                switch read {
                case .success(let message): body(.some(message))
                case .failure(let error) where error.reason == JetStreamError.messageNotFound: body(.some(nil))
                case .failure(let error):
                    guard error.reason == JetStreamError.streamNotFound else { return body(nil) }
                    streams.forget(id)
                    mayCreate ? readRaw(id, json, mayCreate: false, body) : body(nil)
                }
            }
        }
    }

    func readLast(_ channel: ChannelName, _ id: StreamID, _ body: @escaping (ChannelWriter.Last) -> Void) {
        readAtLeader(id, #"{"last_by_subj":"\#(names.channel(channel, id))"}"#, body)
    }

    func readNext(
        _ channel: ChannelName, after sequence: UInt64, _ id: StreamID, _ body: @escaping (ChannelWriter.Last) -> Void
    ) {
        readAtLeader(id, #"{"seq":\#(sequence + 1),"next_by_subj":"\#(names.channel(channel, id))"}"#, body)
    }
}
