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
        // All keys are compared, so that the time tells nothing about which one matched.
        for candidate in keys where APIAccess.isEqual(candidate.bytes, key) { methods = candidate.methods }
        guard let methods else { return .unauthorized }
        guard let method else { return .granted }
        return methods.contains("*") || methods.contains(method) ? .granted : .forbidden
    }

    /// Whether the key that a request brings is good for the method.
    func verdict(of request: some KeyedRequest, method: MethodName?) -> Verdict {
        request.withKey { verdict(key: $0, method: method) }
    }

    /// The key in `X-API-Key`, `Authorization: apikey K`, or `api_key` in the query.
    package static func key(
        apiKeyHeader: UnsafeRawBufferPointer?, authorization: UnsafeRawBufferPointer?, query: UnsafeRawBufferPointer
    ) -> UnsafeRawBufferPointer? {
        if let apiKeyHeader { return apiKeyHeader }
        if let authorization, authorization.count > 7 {
            let scheme = authorization.prefix(7).map { $0 | 0x20 }
            if scheme.elementsEqual("apikey ".utf8) {
                return UnsafeRawBufferPointer(rebasing: authorization.dropFirst(7))
            }
        }
        return Query.value(of: "api_key", in: query)
    }

    /// The time depends on the lengths alone.
    static func isEqual(_ secret: [UInt8], _ given: UnsafeRawBufferPointer) -> Bool {
        guard secret.count == given.count else { return false }
        var difference: UInt8 = 0
        for index in secret.indices { difference |= secret[index] ^ given[index] }
        return difference == 0
    }
}

/// A request that may bring an API key, by any of the three ways.
protocol KeyedRequest {
    /// Calls `body` with the key; nil: the request brought none.
    func withKey<Result>(_ body: (UnsafeRawBufferPointer?) -> Result) -> Result
}

extension KeyedRequest {
    var hasKey: Bool { withKey { $0 != nil } }
}

extension RequestHead: KeyedRequest {
    func withKey<Result>(_ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
        body(
            APIAccess.key(apiKeyHeader: header("x-api-key"), authorization: header("authorization"), query: query))
    }
}

/// A request that came in outside the shards, already read.
protocol OutsideRequest: KeyedRequest, Sendable {
    /// Names in lower case.
    var headers: [FieldName: String] { get }
    var query: String { get }
}

extension OutsideRequest {
    func withKey<Result>(_ body: (UnsafeRawBufferPointer?) -> Result) -> Result {
        let header = headers["x-api-key"].map { Array($0.utf8) }
        let authorization = headers["authorization"].map { Array($0.utf8) }
        func with(_ bytes: [UInt8]?, _ next: (UnsafeRawBufferPointer?) -> Result) -> Result {
            guard let bytes else { return next(nil) }
            return bytes.withUnsafeBytes { next($0) }
        }
        return with(header) { header in
            with(authorization) { authorization in
                with(Array(query.utf8)) { query in
                    body(
                        APIAccess.key(
                            apiKeyHeader: header, authorization: authorization,
                            query: query ?? UnsafeRawBufferPointer(start: nil, count: 0)))
                }
            }
        }
    }
}

/// Parameters of a query string, as they are.
///
/// Nothing that is asked for here needs percent-decoding.
enum Query {
    static func value(of name: StaticString, in query: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let wanted = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        for part in query.split(separator: UInt8(ascii: "&")) {
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { continue }
            if part[..<equals].elementsEqual(wanted) {
                return UnsafeRawBufferPointer(rebasing: query[(equals + 1)..<part.endIndex])
            }
        }
        return nil
    }
}

extension Query {
    static func has(_ name: StaticString, _ expected: StaticString, in query: UnsafeRawBufferPointer) -> Bool {
        guard let value = value(of: name, in: query) else { return false }
        return value.elementsEqual(UnsafeRawBufferPointer(start: expected.utf8Start, count: expected.utf8CodeUnitCount))
    }
}
