import CPharosSys
import PharosDomain
import PharosNATS

/// A look at the server and at the streams, for `pharos doctor`.
extension NATSEngineCore {
    /// - Parameter body: called once, with the server's clock if it told the time.
    func examine(_ body: @escaping (NATSFacts, _ clocksAheadMs: [String: Int64]) -> Void) {
        var facts = NATSFacts()
        facts.version = connection.info?.version ?? ""
        facts.cluster = connection.info?.cluster
        let askedMs = pharos_wall_ms()
        ask(api.streamList, Array(#"{"subject":"\#(names.everything)"}"#.utf8)) { [unowned self] answer in
            guard let answer, let found = try? StreamDescription.list(answer) else { return body(facts, [:]) }
            let middleMs = (askedMs + pharos_wall_ms()) / 2
            facts.streams = found.map { stream in
                NATSFacts.Stream(
                    name: stream.name, replicas: stream.replicas,
                    objection: StreamConfiguration.objection(to: stream, named: stream.name, settings))
            }
            let timeMs = found.compactMap(\.timeMs).last
            body(facts, timeMs.map { [connection.address: $0 - middleMs] } ?? [:])
        }
    }
}
