import PharosDomain
import PharosProtocol

/// The meaning of an origin's answer for the client and the counters.
enum HookAnswer {
    /// A failure beside an outcome other than `unavailable` does not happen.
    static func outcome(
        of answer: HTTPAnswer, to kind: HookKind, form: OriginSettings.Form
    ) -> (outcome: HookOutcome, failure: OriginFailure?) {
        // A server behind the origin's address may refuse a handshake by status alone.
        if kind == .handshake, (400..<500).contains(answer.status) { return (.status(answer.status), nil) }
        let isAnswer = form == .authorize ? answer.isSuccess : answer.status == 200
        if kind == .message, answer.isSuccess, answer.body.isEmpty { return (.granted(.message), nil) }
        guard isAnswer else { return (.unavailable, .status) }
        guard !answer.isEncoded else { return (.unavailable, .nonsense) }
        do {
            if form == .authorize { return (try AuthorizeAnswerDecoder.decode(answer), nil) }
            return (try answer.body.withUnsafeBytes { try HookAnswerDecoder.decode($0, for: kind) }, nil)
        } catch {
            return (.unavailable, .nonsense)
        }
    }

    static func rawAnswer(
        of answer: HTTPAnswer, form: OriginSettings.Form
    ) -> (answer: RawAnswer, failure: OriginFailure?) {
        if form == .webSocketService {
            let result = RawAnswerDecoder.decodeWebSocketService(answer)
            return (result, result == .failed ? .status : nil)
        }
        guard answer.isSuccess else { return (.failed, .status) }
        do {
            return (try RawAnswerDecoder.decode(answer), nil)
        } catch {
            return (.failed, .nonsense)
        }
    }
}
