/// Whether and when one request is made again.
///
/// The origin must not do a thing twice that it was asked once.
package struct RetrySchedule: Equatable, Sendable {
    package enum Failure: Equatable, Sendable {
        /// No connection came about: nothing was sent.
        case notConnected
        /// A connection kept from earlier requests ended without an answer.
        ///
        /// Not a byte of it came: most likely the connection was closed already.
        case keptConnectionEnded
        /// The request was sent, and its connection ended.
        case connectionEnded
    }

    package enum Decision: Equatable, Sendable {
        case again(afterMs: Int64)
        case giveUp
    }

    private static let firstPauseMs: Int64 = 20
    private static let longestPauseMs: Int64 = 1_000

    private var retriesLeft: Int
    private var pauseMs = firstPauseMs
    private let isRepeatable: Bool

    /// Begins before the first attempt.
    ///
    /// - Parameter isRepeatable: the receiver knows repetitions by their numbers, so that sending twice does no harm.
    package init(retries: Int, isRepeatable: Bool) {
        retriesLeft = retries
        self.isRepeatable = isRepeatable
    }

    /// An attempt has failed.
    ///
    /// - Parameter remainingMs: until the request's time is over.
    package mutating func attemptFailed(_ failure: Failure, remainingMs: Int64) -> Decision {
        guard retriesLeft > 0, remainingMs > 0 else { return .giveUp }
        switch failure {
        case .keptConnectionEnded:
            retriesLeft -= 1
            return .again(afterMs: 0)
        case .notConnected: break
        case .connectionEnded: guard isRepeatable else { return .giveUp }
        }
        guard pauseMs < remainingMs else { return .giveUp }
        retriesLeft -= 1
        defer { pauseMs = min(pauseMs * 2, RetrySchedule.longestPauseMs) }
        return .again(afterMs: pauseMs)
    }
}
