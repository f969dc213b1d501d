/// One translation of a Centrifugo document into a document of ours.
struct ImportSession {
    enum Purpose {
        /// A file is written, for people to read.
        case file
        /// A server starts with the document as it is.
        ///
        /// Keys that no table knows stay, so that the reader complains about them.
        case start
    }

    let purpose: Purpose
    let source: ImportSource
    /// Values that no translation has taken yet, by their keys.
    private var waiting: [String: ImportedValue] = [:]
    private let values: [ImportedValue]
    private let byKey: [String: ImportedValue]
    var result = DocumentTree()
    var report = ImportReport()
    /// At a start: keys that are not there, with their origin.
    private(set) var refused: [(value: ImportedValue, nearest: String)] = []

    init(_ source: ImportSource, _ purpose: Purpose) {
        self.source = source
        self.purpose = purpose
        values = source.values()
        byKey = Dictionary(values.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
        waiting = byKey
    }

    mutating func run() {
        translateEngine()
        translateTLS()
        translateHooks()
        for value in values where waiting[value.key] != nil { settle(value) }
    }

    // MARK: Values

    func value(_ key: String) -> ImportedValue? { byKey[key] }

    /// The value that the first of some sections gives.
    func value(_ name: String, below sections: [String]) -> ImportedValue? {
        for section in sections {
            if let value = value("\(section).\(name)") { return value }
        }
        return nil
    }

    /// A text that is not empty; also of a key in a section that is one value.
    func text(_ key: String) -> String? {
        guard case .text(let text)? = source.tree[key]?.content, !text.isEmpty else { return nil }
        return text
    }

    func flag(_ key: String) -> Bool { ["true", "True", "TRUE", "1"].contains(text(key) ?? "") }

    func isGiven(_ key: String) -> Bool { source.tree[key] != nil }

    /// Keys below a section that are still to be translated.
    func keys(below section: String) -> [String] {
        values.filter { $0.key.hasPrefix(section + ".") && waiting[$0.key] != nil }.map(\.key)
    }

    /// Takes a value for a translation; nil: it is not given, or was taken.
    mutating func take(_ key: String) -> ImportedValue? { waiting.removeValue(forKey: key) }

    // MARK: Outcomes

    mutating func move(_ value: ImportedValue, to target: String, _ node: SettingNode? = nil) {
        waiting[value.key] = nil
        let isOwn = value.written == target
        guard result.put(target, node ?? value.node, from: value.origin, replacing: isOwn) else {
            report.add(.notNeeded, value.written, "`\(target)` is given, too")
            return
        }
        report.add(isOwn ? .kept : .translated, value.written, isOwn ? "" : "-> \(target)")
    }

    mutating func drop(_ value: ImportedValue, _ reason: String) {
        waiting[value.key] = nil
        report.add(.notNeeded, value.written, reason)
    }

    mutating func refuse(_ value: ImportedValue, nearest: String) {
        waiting[value.key] = nil
        report.add(.notThereYet, value.written, "nearest: \(nearest)")
        refused.append((value, nearest))
    }

    /// Says what becomes of a value by its rule alone.
    mutating func settle(_ value: ImportedValue) {
        guard let rule = ImportTable.rule(value.pattern) else { return settleUnknown(value) }
        switch rule.fate {
        case .kept: keep(value)
        case .moved(let target): move(value, to: DocumentTree.filled(target, like: value.key))
        case .translated: drop(value, "nothing uses it")
        case .notNeeded(let reason): drop(value, reason)
        case .absent(let nearest): settleAbsent(value, rule, nearest)
        }
    }

    private mutating func settleAbsent(_ value: ImportedValue, _ rule: ImportRule, _ nearest: String) {
        if value.isIdle(rule.idle) {
            drop(value, "it asks for nothing")
        } else if let gate = rule.gate.map({ DocumentTree.filled($0, like: value.key) }), !flag(gate) {
            drop(value, "`\(source.written[gate] ?? gate)` is off")
        } else {
            refuse(value, nearest: nearest)
        }
    }

    private mutating func settleUnknown(_ value: ImportedValue) {
        waiting[value.key] = nil
        if ImportTable.own.contains(value.pattern) {
            move(value, to: value.key)
        } else if purpose == .start {
            result.put(value.key, value.node, from: value.origin)
        } else {
            report.add(.unknown, value.written, "neither Centrifugo nor Pharos is known to have this key")
        }
    }
}
