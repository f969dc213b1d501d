import PharosDomain
import PharosLinks
import PharosNATS

/// The server that a connection leads to: whether there can be history with it.
extension NATSEngineCore {
    /// The oldest server that has atomic batches as this engine needs them.
    private static let oldestServer = [2, 12, 1]
    /// Milliseconds until JetStream is asked for again.
    private static let againMs: Int64 = 500

    /// Looks at the server that a connection has led to.
    func checkServer(_ info: NATSInfo) {
        if NATSEngineCore.isTooOld(info.version) {
            let text = "history needs nats-server 2.12.1 or newer, this one is \(info.version)"
            historyRefusal = ReplyError(code: ReplyError.notAvailable.code, message: text)
            settings.report("nats: \(text)")
        } else {
            historyRefusal = nil
            askJetStream()
        }
        streams.forgetRefusals()
    }

    static func isTooOld(_ version: String) -> Bool {
        let release = version.prefix { $0 != "-" && $0 != "+" }
        return release.split(separator: ".").map { Int($0) ?? 0 }.lexicographicallyPrecedes(oldestServer)
    }

    /// Finds out whether there is JetStream.
    ///
    /// If not, requests that need it are refused for now, and it is asked again.
    private func askJetStream() {
        connection.request([], to: api.accountInfo, timeoutMs: settings.requestTimeoutMs) { [unowned self] answer in
            let error: String?
            switch answer {
            case .noResponders: error = "no server has JetStream"
            case .messages(let messages):
                let found = (try? JetStreamError.find(in: messages.last?.payload ?? [])) ?? nil
                error = found.map { "\($0.text) (\($0.reason))" }
            case .unknown, .refused: return
            }
            if let error, historyRefusal == nil { settings.report("nats: history is not there: \(error)") }
            historyRefusal = error.map { text in
                ReplyError(code: ReplyError.internalError.code, message: text, isTemporary: true)
            }
            noteHealth()
            if error != nil { after(NATSEngineCore.againMs) { [unowned self] in askJetStream() } }
        }
    }
}
