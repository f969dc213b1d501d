package import PharosDomain
import PharosEdge

/// The keys of the server API, each with the methods that it may call.
///
/// They are compared in constant time.
package struct APIAccess: Sendable {
    package enum Verdict: Equatable, Sendable {
        case granted
        /// No key, or a wrong one.
        case unauthorized
        /// The key is known, but not for this method.
        case forbidden
    }

    private let keys: [(bytes: [UInt8], methods: Set<MethodName>)]
    private let isInsecure: Bool

    package init(_ settings: APISettings) {
        keys = settings.keys.filter { !$0.key.isEmpty }.map { (Array($0.key.utf8), Set($0.methods)) }
        isInsecure = settings.insecure
    }

    /// - Parameter key: what the request brought; nil: nothing.
    package func verdict(key: UnsafeRawBufferPointer?, method: MethodName?) -> Verdict {
        if isInsecure { return .granted }
        guard let key else { return .unauthorized }
        var methods: Set<MethodName>?
        // All keys are compared, so that the time does not depend on which one matched.
        for candidate in keys where APIAccess.isEqual(candidate.bytes, key) { methods = candidate.methods }
        guard let methods else { return .unauthorized }
        guard let method else { return .granted }
        return methods.contains("*") || methods.contains(method) ? .granted : .forbidden
    }

    /// Whether the key that a request brings is good for the method.
    func verdict(of request: some KeyedRequest, method: MethodName?) -> Verdict {
        request.withKey { verdict(key: $0, method: method) }
    }

    /// The time depends on the lengths alone.
    static func isEqual(_ secret: [UInt8], _ given: UnsafeRawBufferPointer) -> Bool {
        guard secret.count == given.count else { return false }
        var difference: UInt8 = 0
        for index in secret.indices { difference |= secret[index] ^ given[index] }
        return difference == 0
    }
}
