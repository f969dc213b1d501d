import PharosEdge
import PharosTLS

/// One subscriber of a bench, as it stands in the slab of its load.
struct BenchConnection: BitwiseCopyable {
    enum Stage: UInt8, BitwiseCopyable {
        case closed
        /// The TCP connection is being made.
        case connecting
        /// TLS is being agreed on.
        case securing
        /// The upgrade has been asked for.
        case upgrading
        /// The subscribes have been sent.
        case subscribing
        case ready
        /// Ready, and no longer read.
        case stalled
    }

    var socket: Int32 = -1
    var stage = Stage.closed
    /// Subscriptions that stand.
    var confirmed: Int32 = 0
    /// nil: without TLS.
    var session: UnsafeMutablePointer<TLSSession>?
    var reader = FrameReader(expectsMask: false)
}
