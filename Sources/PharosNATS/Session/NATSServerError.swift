/// An error in the words of the server (-ERR).
package struct NATSServerError: Error, Equatable, Sendable {
    package var text: String

    package init(_ text: String) { self.text = text }

    /// Whether it concerns the credentials: another try needs others.
    package var isAuthorization: Bool {
        begins(with: "authorization violation") || begins(with: "authentication ")
            || begins(with: "user authentication ") || begins(with: "account authentication ")
    }

    /// Whether the connection goes on after it (NATS client protocol, -ERR).
    ///
    /// A permission that is missing, an invalid subject, and a subscription too many concern one order alone.
    package var keepsConnection: Bool {
        begins(with: "permissions violation") || begins(with: "invalid subject")
            || begins(with: "invalid publish subject") || begins(with: "maximum subscriptions exceeded")
    }

    private func begins(with words: StaticString) -> Bool {
        var letters = text.utf8.makeIterator()
        return UnsafeBufferPointer(start: words.utf8Start, count: words.utf8CodeUnitCount).allSatisfy { wanted in
            guard let byte = letters.next() else { return false }
            let isUpper = UInt8(ascii: "A")...UInt8(ascii: "Z") ~= byte
            return (isUpper ? byte | 0x20 : byte) == wanted
        }
    }
}
