/// The result of a bench.
struct BenchResult {
    var plan: BenchPlan
    // Connecting, over all cycles.
    var connected = 0
    var failed = 0
    var connectSeconds = 0.0
    /// Why the last one failed.
    var failure: String?
    // Publishing.
    var published = 0
    var refused = 0
    var refusal: String?
    /// How late a message was written that had its time, at most.
    var lagNanoseconds: UInt64 = 0
    var publishSeconds = 0.0
    // Delivering.
    var expected: UInt64 = 0
    var delivered: UInt64 = 0
    var duplicates: UInt64 = 0
    var outOfOrder: UInt64 = 0
    /// Of a channel that the connection did not subscribe to.
    var foreign: UInt64 = 0
    var deliverSeconds = 0.0
    var latency = BenchHistogram()
    /// Connections that ended before the bench did, without the stalled ones.
    var closedEarly = 0
    /// How the last one ended.
    var closeReason: String?
    // The server's process.
    var before: BenchProcess.Reading?
    var connectedReading: BenchProcess.Reading?
    var after: BenchProcess.Reading?
    /// Its processor time while connecting, without the closing between cycles.
    var connectProcessorSeconds = 0.0
    var peakResidentBytes: UInt64 = 0

    init(plan: BenchPlan) {
        self.plan = plan
    }

    var lost: UInt64 { expected > delivered ? expected - delivered : 0 }

    /// Everything arrived, once and in order.
    var isClean: Bool {
        failed == 0 && refused == 0 && lost == 0 && duplicates == 0 && outOfOrder == 0 && foreign == 0
            && closedEarly == 0 && (plan.processID == nil || after != nil)
    }

    var deliveriesPerSecond: Double { deliverSeconds > 0 ? Double(delivered) / deliverSeconds : 0 }

    /// Microseconds of the server's processor time per delivery.
    var microsecondsPerDelivery: Double? {
        guard let connectedReading, let after, delivered > 0 else { return nil }
        return (after.processorSeconds - connectedReading.processorSeconds) * 1e6 / Double(delivered)
    }

    /// Microseconds of the server's processor time until one connection is subscribed.
    var microsecondsPerConnection: Double? {
        before != nil && connected > 0 ? connectProcessorSeconds * 1e6 / Double(connected) : nil
    }

    /// The growth of the server's memory for each connection.
    var bytesPerConnection: Double? {
        guard let before, let connectedReading, plan.connections > 0 else { return nil }
        let growth = Double(connectedReading.proportionalBytes) - Double(before.proportionalBytes)
        return growth / Double(plan.connections)
    }
}
