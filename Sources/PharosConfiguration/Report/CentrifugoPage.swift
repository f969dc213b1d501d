/// Writes the page of Centrifugo's keys, `docs/migration/centrifugo-keys.md`.
package enum CentrifugoPage {
    /// Pairs of a key of ours and another name for it.
    static let aliases: [(key: String, other: String)] = {
        var result: [(key: String, other: String)] = []
        for rule in ImportTable.rules {
            guard let own = target(of: rule), !own.contains("[]"), ImportTable.own.contains(own) else { continue }
            if rule.key != own { result.append((own, rule.key)) }
            for name in flatNames(rule.key) { result.append((own, name)) }
        }
        for (name, key) in FlatNames.targets where ImportTable.byKey[key] == nil && ImportTable.own.contains(key) {
            result.append((key, name))
        }
        return result
    }()

    package static func markdown() -> String {
        var text = """
            # Keys of Centrifugo

            This page is generated from the table that `pharos config import` goes by:
            `pharos config docs --centrifugo > docs/migration/centrifugo-keys.md`. Names are those of version 6, with those of
            version 5 beside them. How to move is told in [Moving from Centrifugo](centrifugo.md).

            """
        for outcome in ImportClass.allCases where outcome != .unknown {
            text += "\n## \(title(outcome))\n\n| Key | Version 5 | \(column(outcome)) |\n| --- | --- | --- |\n"
            for rule in ImportTable.rules where rule.outcome == outcome {
                let flat = flatNames(rule.key).map { "`\($0)`" }.joined(separator: ", ")
                text += "| `\(rule.key)`\(rule.isWhole ? " and below" : "") | \(flat) | \(detail(rule)) |\n"
            }
        }
        return text
    }

    private static func target(of rule: ImportRule) -> String? {
        switch rule.fate {
        case .kept: rule.key
        case .moved(let target), .translated(let target): target
        case .notNeeded, .absent: nil
        }
    }

    private static func flatNames(_ key: String) -> [String] {
        FlatNames.targets.filter { $0.value == key && $0.key != key }.map(\.key).sorted()
    }

    private static func title(_ outcome: ImportClass) -> String {
        switch outcome {
        case .kept: "Kept: the same key, the same meaning"
        case .translated: "Translated"
        case .notNeeded: "Not needed"
        case .notThereYet: "Not there yet"
        case .unknown: "Unknown"
        }
    }

    private static func column(_ outcome: ImportClass) -> String {
        switch outcome {
        case .kept, .translated: "Becomes"
        case .notNeeded, .unknown: "Why"
        case .notThereYet: "Nearest"
        }
    }

    private static func detail(_ rule: ImportRule) -> String {
        switch rule.fate {
        case .kept: "the same"
        case .moved(let target), .translated(let target): "`\(target)`"
        case .notNeeded(let reason): reason
        case .absent(let nearest): nearest
        }
    }
}
