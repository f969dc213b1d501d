/// A promise that a store broke.
package struct BrokenPromise: Error, CustomStringConvertible {
    package let description: String
}

/// Throws unless both are equal.
func require<Value: Equatable>(_ found: Value, is expected: Value, _ what: String) throws {
    guard found == expected else { throw BrokenPromise(description: "\(what): \(found) instead of \(expected)") }
}
