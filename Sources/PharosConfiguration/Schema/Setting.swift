import PharosDomain

/// The way from a root to one of its values.
///
/// Key paths that capture nothing are safe to share between threads.
typealias SettingPath<Root, Value> = any WritableKeyPath<Root, Value> & Sendable

/// One key of the configuration: its name, type and meaning.
///
/// It knows how the value gets into and out of a `Root`.
struct Setting<Root: Sendable>: Sendable {
    var name: String
    var type: SettingType
    var summary: String
    var onlyAccepts: String?
    /// Puts a node's value into the root, or notes in the journal why not.
    ///
    /// The text is the key's full name.
    var read: @Sendable (SettingNode, String, inout Root, inout ReadingJournal) -> Void
    var value: @Sendable (Root) -> SettingValue

    /// The same key below `prefix`, in a larger root.
    func lifted<Outer: Sendable>(
        _ prefix: String, _ path: SettingPath<Outer, Root>
    ) -> Setting<Outer> {
        let inner = self
        return Setting<Outer>(
            name: prefix + "." + name, type: type, summary: summary, onlyAccepts: onlyAccepts,
            read: { node, key, outer, journal in inner.read(node, key, &outer[keyPath: path], &journal) },
            value: { outer in inner.value(outer[keyPath: path]) })
    }

    func description(standard root: Root) -> SettingDescription {
        SettingDescription(
            name: name, type: type, summary: summary, standard: value(root), onlyAccepts: onlyAccepts)
    }
}

/// Why a node is not a value of the wanted type; continues the sentence "`key`: …".
struct TypeMismatch: Error {
    var message: String

    static func expected(_ wanted: String, _ node: SettingNode, showsText: Bool = true) -> TypeMismatch {
        if showsText, case .text(let text) = node.content {
            return TypeMismatch(message: "expected \(wanted), found `\(text.prefix(80))`")
        }
        return TypeMismatch(message: "expected \(wanted), found \(node.kind)")
    }
}

extension Setting {
    /// A key whose value comes from one node by `parse`.
    static func plain<Value>(
        _ name: String, _ type: SettingType, _ path: SettingPath<Root, Value>, _ summary: String,
        parse: @escaping @Sendable (SettingNode) throws(TypeMismatch) -> Value,
        show: @escaping @Sendable (Value) -> SettingValue
    ) -> Setting {
        Setting(
            name: name, type: type, summary: summary,
            read: { node, key, root, journal in
                do throws(TypeMismatch) {
                    root[keyPath: path] = try parse(node)
                    journal.record(key, node.origin)
                } catch {
                    journal.refuse(key, node.origin, "`\(key)`: \(error.message)")
                }
            },
            value: { root in show(root[keyPath: path]) })
    }

    static func bool(_ name: String, _ path: SettingPath<Root, Bool>, _ summary: String) -> Setting {
        plain(name, .bool, path, summary, parse: { node throws(TypeMismatch) in try node.bool() }, show: { .bool($0) })
    }

    static func integer(
        _ name: String, _ path: SettingPath<Root, Int>, _ range: ClosedRange<Int>, _ summary: String
    ) -> Setting {
        plain(
            name, .integer(range), path, summary,
            parse: { node throws(TypeMismatch) in try node.integer(in: range) }, show: { .integer($0) })
    }

    static func duration(
        _ name: String, _ path: SettingPath<Root, Double>, from shortest: Double = 0,
        whole: Bool = false, _ summary: String
    ) -> Setting {
        let range = shortest...SettingNode.longestDuration
        return plain(
            name, .duration(range, whole: whole), path, summary,
            parse: { node throws(TypeMismatch) in try node.duration(in: range, whole: whole) },
            show: { .duration($0) })
    }

    /// A duration that is kept in whole seconds.
    static func seconds(
        _ name: String, _ path: SettingPath<Root, Int>, from shortest: Int = 0, _ summary: String
    ) -> Setting {
        let range = Double(shortest)...SettingNode.longestDuration
        return plain(
            name, .duration(range, whole: true), path, summary,
            parse: { node throws(TypeMismatch) in Int(try node.duration(in: range, whole: true)) },
            show: { .duration(Double($0)) })
    }

    static func text(_ name: String, _ path: SettingPath<Root, String>, _ summary: String) -> Setting {
        plain(name, .text, path, summary, parse: { node throws(TypeMismatch) in try node.text() }, show: { .text($0) })
    }

    static func secret(_ name: String, _ path: SettingPath<Root, String>, _ summary: String) -> Setting {
        plain(
            name, .secret, path, summary, parse: { node throws(TypeMismatch) in try node.text() },
            show: { .secret($0) })
    }

    static func list(_ name: String, _ path: SettingPath<Root, [String]>, _ summary: String) -> Setting {
        plain(name, .list, path, summary, parse: { node throws(TypeMismatch) in try node.texts() }, show: { .list($0) })
    }

    /// A name, which is compared by its bytes wherever it is used.
    static func name<Kind>(
        _ name: String, _ path: SettingPath<Root, Identifier<Kind>>, _ summary: String
    ) -> Setting {
        plain(
            name, .text, path, summary, parse: { node throws(TypeMismatch) in Identifier(try node.text()) },
            show: { .text($0.text) })
    }

    static func names<Kind>(
        _ name: String, _ path: SettingPath<Root, [Identifier<Kind>]>, _ summary: String
    ) -> Setting {
        plain(
            name, .list, path, summary,
            parse: { node throws(TypeMismatch) in try node.texts().map { Identifier($0) } },
            show: { .list($0.map(\.text)) })
    }

    /// One of a few words, each with its value.
    ///
    /// The first word for a value is the one that is shown.
    static func choice<Value: Equatable & Sendable>(
        _ name: String, _ path: SettingPath<Root, Value>, _ words: [(String, Value)], _ summary: String
    ) -> Setting {
        plain(
            name, .choice(words.map(\.0)), path, summary,
            parse: { node throws(TypeMismatch) in
                let word = try node.choice(of: words.map(\.0))
                return words.first { $0.0 == word }!.1
            },
            show: { value in .text(words.first { $0.1 == value }?.0 ?? "") })
    }

    /// A key of other servers that this version does not have.
    ///
    /// It is accepted only with the value that turns it off.
    static func refused(
        _ name: String, unless accepted: String, alternatives: [String] = [], hint: String? = nil
    ) -> Setting {
        let texts = [accepted] + alternatives
        return Setting(
            name: name, type: .text, summary: "", onlyAccepts: accepted,
            read: { node, key, _, journal in
                switch node.content {
                case .text(let text) where texts.contains(text): break
                case .list(let items) where accepted == "[]" && items.isEmpty: break
                case .nothing where accepted.isEmpty: break
                default:
                    let only = accepted.isEmpty ? "leave it empty" : "only `\(accepted)` is accepted"
                    let advice = hint.map { "; \($0)" } ?? ""
                    journal.refuse(key, node.origin, "`\(key)`: not available in this version, \(only)\(advice)")
                }
            },
            value: { _ in .text(accepted) })
    }
}
