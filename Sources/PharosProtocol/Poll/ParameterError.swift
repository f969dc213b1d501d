package import PharosDomain

/// A parameter of a request, or a header, that is missing or not as it has to be.
package struct ParameterError: Error, Equatable, Sendable {
    /// The parameter's or the header's name; empty: the query as a whole.
    package var name: FieldName
    /// The rule that the value breaks. It never holds the value.
    package var problem: String

    package init(_ name: FieldName, _ problem: String) {
        self.name = name
        self.problem = problem
    }

    /// For the answer: `wait: 0 to 60`.
    package var message: String { name.isEmpty ? problem : "\(name): \(problem)" }
}
