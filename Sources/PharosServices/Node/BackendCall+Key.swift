import PharosDomain

extension BackendCall {
    /// The API key that the request brought, by any of the three ways.
    func withKey(_ body: (UnsafeRawBufferPointer?) -> Void) {
        let header = headers["x-api-key"].map { Array($0.utf8) }
        let authorization = headers["authorization"].map { Array($0.utf8) }
        let query = Array(self.query.utf8)
        func with(_ bytes: [UInt8]?, _ next: (UnsafeRawBufferPointer?) -> Void) {
            guard let bytes else { return next(nil) }
            bytes.withUnsafeBytes { next($0) }
        }
        with(header) { header in
            with(authorization) { authorization in
                query.withUnsafeBytes {
                    body(APIAccess.key(apiKeyHeader: header, authorization: authorization, query: $0))
                }
            }
        }
    }
}
