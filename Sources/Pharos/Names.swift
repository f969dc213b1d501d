import PharosDomain

/// Between names and the text of the public interface.
extension Dictionary where Value == String {
    /// Of names that `String` takes for one, the first stays.
    func texts<Kind>() -> [String: String] where Key == Identifier<Kind> {
        Dictionary<String, String>(map { ($0.key.text, $0.value) }) { first, _ in first }
    }
}

extension [String: String] {
    func named<Kind>() -> [Identifier<Kind>: String] {
        [Identifier<Kind>: String](uniqueKeysWithValues: map { (Identifier($0.key), $0.value) })
    }
}
