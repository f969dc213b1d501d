import NIOCore
import PharosDomain

/// One request to an origin and where it stands.
///
/// Made on any thread and handed over to the origin's event loop with the inbox; from then on it belongs to that loop, which
/// is why it may be passed between threads unchecked.
final class OriginExchange: @unchecked Sendable {
    enum Purpose {
        case ask(HookKind, @Sendable (HookOutcome) -> Void)
        case raw(@Sendable (RawAnswer) -> Void)
        /// Whether the origin has acknowledged.
        case tell(@Sendable (Bool) -> Void)
        /// The question whether webhooks are welcome at all.
        case permission
    }

    let purpose: Purpose
    let lane: OriginLane
    let asker: OriginAsker
    let startedAt: NIODeadline
    let deadline: NIODeadline
    /// Set before the loop has seen it: it ends with this at once.
    var rejection: OriginFailure?
    var retries: RetrySchedule

    /// Emptied at the end, which comes earlier than the last reference.
    private(set) var request: ByteBuffer
    let size: Int
    /// Whether it counts among what waits for this origin.
    var isWaiting = true
    /// Whether the breaker has let it through and has to be informed of its end.
    var isAdmitted = false
    /// After a kept connection turned out to be dead, the others most likely are, too.
    var needsFreshConnection = false
    var connection: OriginConnection?
    private(set) var isFinished = false

    init(
        _ purpose: Purpose, lane: OriginLane, asker: OriginAsker = OriginAsker(), request: ByteBuffer?,
        startedAt: NIODeadline, timeout: TimeAmount, retries: RetrySchedule
    ) {
        self.purpose = purpose
        self.lane = lane
        self.asker = asker
        self.request = request ?? ByteBuffer()
        self.size = self.request.readableBytes
        self.startedAt = startedAt
        self.deadline = startedAt + timeout
        self.retries = retries
        rejection = request == nil ? .unsupported : nil
    }

    func finished() {
        isFinished = true
        connection = nil
        request = ByteBuffer()
    }
}
