/// The outcome of an import: what became of each key, and what is left to decide.
///
/// It names keys and never shows values.
package struct ImportReport: Sendable {
    package struct Line: Hashable, Sendable {
        package var outcome: ImportClass
        /// The key as it was written.
        package var key: String
        /// Where it went, why it is not needed, or the nearest thing.
        ///
        /// Empty for keys that stay as they are.
        package var detail: String
    }

    package private(set) var lines: [Line] = []
    /// Differences in meaning, and decisions that an import must not make.
    package private(set) var notes: [String] = []
    private var said: Set<Line> = []
    /// Rules of Pharos that the written file does not keep.
    package var problems: [ConfigurationProblem] = []

    mutating func add(_ outcome: ImportClass, _ key: String, _ detail: String = "") {
        let line = Line(outcome: outcome, key: key, detail: detail)
        if said.insert(line).inserted { lines.append(line) }
    }

    mutating func note(_ text: String) {
        if !notes.contains(text) { notes.append(text) }
    }

    package func lines(_ outcome: ImportClass) -> [Line] { lines.filter { $0.outcome == outcome } }

    /// The status with which the command ends.
    ///
    /// 0: all is there; 2: something is not there yet or unknown; 3: the file has to be corrected before a server starts.
    package var status: Int32 {
        if !problems.isEmpty { return 3 }
        return lines(.notThereYet).isEmpty && lines(.unknown).isEmpty ? 0 : 2
    }

    /// Lines for people.
    package var text: String {
        var text: [String] = []
        for outcome in ImportClass.allCases {
            let lines = lines(outcome)
            guard !lines.isEmpty else { continue }
            text.append("\(outcome.rawValue) (\(lines.count)):")
            text += ImportReport.joined(lines).map { "  " + $0 }
        }
        if !notes.isEmpty {
            text.append("to know:")
            text += notes.map { "  - " + $0 }
        }
        if !problems.isEmpty {
            text.append("to correct in the written file:")
            text += problems.map { "  - " + $0.message }
        }
        return text.joined(separator: "\n")
    }

    /// One line for all keys with the same detail, in the order of the first of them.
    private static func joined(_ lines: [Line]) -> [String] {
        var order: [String] = []
        var keys: [String: [String]] = [:]
        for line in lines {
            if keys[line.detail] == nil { order.append(line.detail) }
            keys[line.detail, default: []].append(line.key)
        }
        return order.map { detail in
            let names = keys[detail, default: []].joined(separator: ", ")
            return detail.isEmpty ? names : "\(names): \(detail)"
        }
    }
}
