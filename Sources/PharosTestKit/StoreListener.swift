package import PharosDomain

/// A receiver that hands everything on.
package final class StoreListener: StreamReceiver {
    private let body: @Sendable ([StreamCompletion]) -> Void

    package init(_ body: @escaping @Sendable ([StreamCompletion]) -> Void) { self.body = body }

    package func completed(_ completions: [StreamCompletion]) { body(completions) }
}
