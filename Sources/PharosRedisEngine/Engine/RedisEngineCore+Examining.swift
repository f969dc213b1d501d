import CPharosSys
import PharosDomain
import PharosRedis

/// A look at the servers, for `pharos doctor`.
extension RedisEngineCore {
    /// The answers of all servers, and how many are missing.
    private final class Examination {
        var facts: [RedisFacts]
        var clocksAheadMs: [String: Int64] = [:]
        private var open = 1
        private let body: ([RedisFacts], [String: Int64]) -> Void

        init(_ facts: [RedisFacts], _ body: @escaping ([RedisFacts], [String: Int64]) -> Void) {
            (self.facts, self.body) = (facts, body)
        }

        func ask(_ master: RedisMaster, _ command: RedisCommand, _ note: @escaping (RESPValue) -> Void) {
            open += 1
            master.send(command) { result in
                // What is hidden or unknown there is missing in the facts.
                if case .success(let reply) = result { note(reply) }
                self.end()
            }
        }

        func end() {
            open -= 1
            if open == 0 { body(facts, clocksAheadMs) }
        }
    }

    /// - Parameter body: called once.
    func examine(_ body: @escaping ([RedisFacts], _ clocksAheadMs: [String: Int64]) -> Void) {
        let masters = topology.masters
        let examination = Examination(masters.map { RedisFacts(name: $0.name) }, body)
        for (index, master) in masters.enumerated() {
            for section in RedisFacts.sections {
                examination.ask(master, ["INFO", .text(section)]) { reply in
                    let lines = RedisEngineCore.lines((try? reply.text()) ?? "")
                    examination.facts[index].info = (examination.facts[index].info ?? [:]).merging(lines) { $1 }
                }
            }
            for parameter in RedisFacts.wantedParameters {
                examination.ask(master, ["CONFIG", "GET", .text(parameter)]) { reply in
                    guard let value = try? reply.value(for: parameter).text() else { return }
                    examination.facts[index].parameters = examination.facts[index].parameters ?? [:]
                    examination.facts[index].parameters?[parameter] = value
                }
            }
            let askedMs = pharos_wall_ms()
            examination.ask(master, ["TIME"]) { reply in
                guard let parts = try? reply.elements(), parts.count == 2,
                    let seconds = Int64((try? parts[0].text()) ?? ""),
                    let microseconds = Int64((try? parts[1].text()) ?? ""),
                    case let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1_000), !overflow
                else { return }
                let middleMs = (askedMs + pharos_wall_ms()) / 2
                examination.clocksAheadMs[master.name] = milliseconds &+ microseconds / 1_000 &- middleMs
            }
        }
        examination.end()
    }

    /// The `name:value` lines of INFO.
    static func lines(_ text: String) -> [String: String] {
        var lines: [String: String] = [:]
        for line in text.split(whereSeparator: \.isNewline) {
            guard let colon = line.firstIndex(of: ":") else { continue }
            lines[String(line[..<colon])] = String(line[line.index(after: colon)...])
        }
        return lines
    }
}
