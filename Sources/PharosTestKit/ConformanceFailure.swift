/// A guarantee that a store does not keep.
package struct ConformanceFailure: Error, CustomStringConvertible {
    package let description: String
}

/// Throws unless both are equal.
func require<Value: Equatable>(_ found: Value, is expected: Value, _ what: String) throws {
    guard found == expected else { throw ConformanceFailure(description: "\(what): \(found) instead of \(expected)") }
}
