import PharosAuth
import PharosDomain
import PharosOrigin
import PharosServices

/// Failures outside the shards, in the ledger of the shards' refusals.
extension RefusalLedger {
    func note(_ report: OriginReport) {
        guard case .failed(let origin, let lane, let failure, let status, let asker) = report else { return }
        // A status is as good as unbounded; its class is not.
        let reason = status.map { "status_\($0 / 100)xx" } ?? failure.rawValue
        guard var line = count(.hook, reason) else { return }
        (line.refusal.client, line.refusal.user, line.refusal.address) = (asker.client, asker.user, asker.address)
        line.refusal.details = [.init("origin", origin), .init("hook", lane.name)]
        if let status { line.refusal.details.append(.init("status", "\(status)")) }
        write(line)
    }

    func note(_ report: KeySetReport) {
        guard case .failed(let endpoint, let fault, let why) = report, var line = count(.keySet, fault.rawValue) else {
            return
        }
        line.refusal.details = [.init("endpoint", endpoint), .init("why", why)]
        write(line)
    }

    /// A closure of the program around has thrown, or took too long.
    func note(_ request: HookRequest, _ reason: String, _ error: String = "") {
        guard var line = count(.hook, reason) else { return }
        (line.refusal.client, line.refusal.user, line.refusal.address) = (request.client, request.user, request.peer)
        line.refusal.details = [.init("origin", ClosureOrigin.name), .init("hook", request.question.kind.rawValue)]
        if !error.isEmpty { line.refusal.details.append(.init("error", error)) }
        write(line)
    }
}
