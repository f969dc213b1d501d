/// The fate of one key of a Centrifugo file.
package struct ImportRule: Sendable {
    package enum Fate: Equatable, Sendable {
        /// The same key, with the same meaning.
        case kept
        /// The same meaning under another name.
        case moved(to: String)
        /// A part of something that is said differently.
        case translated(to: String)
        /// Pharos does without; the reason.
        case notNeeded(String)
        /// Not there; the nearest thing.
        case absent(nearest: String)
    }

    /// Dotted; `[]` stands behind lists: `channel.namespaces[].presence`.
    package var key: String
    package var fate: Fate
    /// Values that ask for nothing, besides `false`, zero and empty ones.
    package var idle: [String] = []
    /// A key that has to be `true`, else this one asks for nothing.
    package var gate: String?
    /// Whether everything below the key is meant, too.
    package var isWhole = false

    /// The class in which the report lists a value that asks for something.
    package var outcome: ImportClass {
        switch fate {
        case .kept: .kept
        case .moved, .translated: .translated
        case .notNeeded: .notNeeded
        case .absent: .notThereYet
        }
    }
}

/// The classes of a report, in its order.
package enum ImportClass: String, Sendable, CaseIterable {
    case kept = "kept"
    case translated = "translated"
    case notNeeded = "not needed"
    case notThereYet = "not there yet"
    case unknown = "unknown"
}
