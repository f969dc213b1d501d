#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// A name that is the same as another only if every byte is the same.
///
/// `String` takes canonically equivalent texts for one (the KELVIN SIGN for a `K`, a composed letter for a decomposed one), as
/// `==`, as a key and in a search. For names that decide who gets what, that would let one user pass for another. So names are
/// values of this type, compared, hashed and ordered by their UTF-8 bytes; there is no comparison with a `String`.
///
/// `Kind` keeps names of different things apart and takes no room: a value is as large as its `String`.
package struct Identifier<Kind> {
    /// For output only: never compared, never a key.
    package let text: String

    @inlinable
    package init(_ text: String) { self.text = text }

    package init(_ text: Substring) { self.text = String(text) }

    /// Bytes that are not UTF-8 are repaired.
    package init(decoding bytes: some Collection<UInt8>) { text = String(decoding: bytes, as: UTF8.self) }

    /// nil for bytes that are not UTF-8.
    package init?(validating bytes: some Sequence<UInt8>) {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        self.text = text
    }

    @inlinable package var utf8: String.UTF8View { text.utf8 }

    @inlinable package var isEmpty: Bool { text.utf8.isEmpty }

    /// Whether the bytes of `prefix` are the first ones.
    package func hasPrefix(_ prefix: Self) -> Bool { utf8.starts(with: prefix.utf8) }

    /// The name with ASCII letters in lower case, and all other bytes as they are.
    package var asciiLowercased: Self {
        guard utf8.contains(where: { (0x41...0x5A).contains($0) }) else { return self }
        return Self(decoding: utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 })
    }

    /// The same bytes as the name of something else.
    package func renamed<Other>(to kind: Other.Type) -> Identifier<Other> { Identifier<Other>(text) }

    /// Calls `body` with the bytes; they are valid inside it only.
    @inlinable
    package func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result { text.withBytes(body) }
}

extension Identifier: Sendable {}

extension Identifier: Equatable {
    @inlinable
    package static func == (left: Self, right: Self) -> Bool { left.text.hasBytes(of: right.text) }
}

extension Identifier: Hashable {
    @inlinable
    package func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
}

extension Identifier: Comparable {
    /// In the order of the bytes, as the store has it.
    @inlinable
    package static func < (left: Self, right: Self) -> Bool { left.text.bytesPrecede(right.text) }
}

/// Comparison, order and hash of the bytes of a name.
///
/// Not generic, since code for one kind of name that is not specialized would look up the kind's metadata each time.
extension String {
    @usableFromInline
    func hasBytes(of other: String) -> Bool {
        let count = utf8.count
        guard count == other.utf8.count else { return false }
        guard count > 0 else { return true }
        return withBytes { left in
            other.withBytes { right in memcmp(left.baseAddress!, right.baseAddress!, count) == 0 }
        }
    }

    @usableFromInline
    func bytesPrecede(_ other: String) -> Bool {
        withBytes { left in
            other.withBytes { right in
                let shared = min(left.count, right.count)
                let order = shared == 0 ? 0 : memcmp(left.baseAddress!, right.baseAddress!, shared)
                return order == 0 ? left.count < right.count : order < 0
            }
        }
    }

    @usableFromInline
    func hashBytes(into hasher: inout Hasher) {
        withBytes { hasher.combine(bytes: $0) }
        // As `String` does it: no UTF-8 has this byte, so that names in a row do not run into each other.
        hasher.combine(0xFF as UInt8)
    }

    @inlinable
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        if let result = utf8.withContiguousStorageIfAvailable({ body(UnsafeRawBufferPointer($0)) }) { return result }
        var contiguous = self
        return contiguous.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}

extension Identifier: ExpressibleByStringLiteral, ExpressibleByStringInterpolation {
    @inlinable
    package init(stringLiteral text: String) { self.text = text }
}

extension Identifier: CustomStringConvertible {
    @inlinable package var description: String { text }
}

/// The kinds of names; no values, only places for the types below.
package enum NameOf {
    package enum Channel {}
    package enum Namespace {}
    package enum User {}
    package enum Client {}
    package enum Session {}
    package enum Idempotency {}
    package enum Tag {}
    package enum Conflation {}
    package enum Epoch {}
    package enum Method {}
    package enum Field {}
    package enum Origin {}
    package enum Node {}
    package enum Delta {}
    package enum SDK {}
    package enum Address {}
    package enum Key {}
    package enum Party {}
    package enum Claim {}
    package enum Label {}
    package enum Store {}
}

package typealias ChannelName = Identifier<NameOf.Channel>
package typealias NamespaceName = Identifier<NameOf.Namespace>
/// A user's id; "" for anonymous users.
package typealias UserID = Identifier<NameOf.User>
/// The text of a client's id, or of a raw connection's.
///
/// `ClientID` is the id itself.
package typealias ClientName = Identifier<NameOf.Client>
/// The key that a client chose for its session, or the id of a polled one.
package typealias SessionKey = Identifier<NameOf.Session>
package typealias IdempotencyKey = Identifier<NameOf.Idempotency>
package typealias TagKey = Identifier<NameOf.Tag>
/// The value of the tag that conflates.
package typealias ConflationKey = Identifier<NameOf.Conflation>
package typealias Epoch = Identifier<NameOf.Epoch>
/// A remote call's or an API call's method.
package typealias MethodName = Identifier<NameOf.Method>
/// The name of a header, a cookie or a parameter of a query.
package typealias FieldName = Identifier<NameOf.Field>
/// The name of an origin in the configuration.
package typealias OriginName = Identifier<NameOf.Origin>
package typealias NodeName = Identifier<NameOf.Node>
/// A store of streams, as namespaces name it.
package typealias StoreName = Identifier<NameOf.Store>
package typealias DeltaType = Identifier<NameOf.Delta>
/// The name that a client's SDK gives itself.
package typealias SDKName = Identifier<NameOf.SDK>
/// A peer's address, in the form in which it is counted.
package typealias PeerAddress = Identifier<NameOf.Address>
/// The id of a key in a key set (`kid`).
package typealias KeyID = Identifier<NameOf.Key>
/// An issuer or an audience of tokens.
package typealias PartyName = Identifier<NameOf.Party>
/// The name of a claim, or a word that is one of a few, in a token or a key set.
package typealias ClaimName = Identifier<NameOf.Claim>
