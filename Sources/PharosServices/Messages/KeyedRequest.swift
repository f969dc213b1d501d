import PharosDomain
import PharosEdge

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
            APIKeyField.find(apiKeyHeader: header("x-api-key"), authorization: header("authorization"), query: query))
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
                        APIKeyField.find(
                            apiKeyHeader: header, authorization: authorization,
                            query: query ?? UnsafeRawBufferPointer(start: nil, count: 0)))
                }
            }
        }
    }
}

/// Where a request can bring its API key.
enum APIKeyField {
    /// The key in `X-API-Key`, `Authorization: apikey K`, or `api_key` in the query.
    static func find(
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
}
