import PharosEdge

/// One subscriber of a bench, as it stands in the slab of its load.
struct BenchConnection: BitwiseCopyable {
    enum Stage: UInt8, BitwiseCopyable {
        case closed
        /// The TCP connection is being made.
        case connecting
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
    var reader = FrameReader(expectsMask: false)
}
