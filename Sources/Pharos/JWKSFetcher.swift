import Foundation

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

/// Fetches key sets: a few seconds at most, a bounded size, and never to where a redirect points.
enum JWKSFetcher {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Bytes of a key set.
    static let sizeLimit = 1_048_576

    @Sendable static func fetch(_ endpoint: String) async throws -> [UInt8] {
        guard let url = URL(string: endpoint) else { throw Failure(description: "not an address") }
        let configuration = URLSessionConfiguration.ephemeral
        configuration.timeoutIntervalForRequest = 5
        configuration.timeoutIntervalForResource = 5
        let delegate = Fetch()
        let session = URLSession(configuration: configuration, delegate: delegate, delegateQueue: nil)
        defer { session.finishTasksAndInvalidate() }
        return try await withCheckedThrowingContinuation { continuation in
            delegate.begin(continuation)
            session.dataTask(with: url).resume()
        }
    }

    /// One fetch. Its methods are called one after the other, on the session's own queue.
    private final class Fetch: NSObject, URLSessionDataDelegate, @unchecked Sendable {
        private let lock = NSLock()
        private var body: [UInt8] = []
        private var continuation: CheckedContinuation<[UInt8], any Error>?

        func begin(_ continuation: CheckedContinuation<[UInt8], any Error>) {
            lock.withLock { self.continuation = continuation }
        }

        private func end(_ result: Result<[UInt8], any Error>) {
            let waiting = lock.withLock {
                defer { continuation = nil }
                return continuation
            }
            waiting?.resume(with: result)
        }

        func urlSession(
            _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
            newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
        ) {
            completionHandler(nil)
        }

        func urlSession(
            _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
            completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
        ) {
            let status = (response as? HTTPURLResponse)?.statusCode ?? 0
            if status == 200 { return completionHandler(.allow) }
            end(.failure(Failure(description: "the key set was answered with status \(status)")))
            completionHandler(.cancel)
        }

        func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
            lock.withLock { body.append(contentsOf: data) }
            guard lock.withLock({ body.count > sizeLimit }) else { return }
            end(.failure(Failure(description: "the key set is larger than \(sizeLimit) bytes")))
            dataTask.cancel()
        }

        func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
            if let error { return end(.failure(error)) }
            end(.success(lock.withLock { body }))
        }
    }
}
