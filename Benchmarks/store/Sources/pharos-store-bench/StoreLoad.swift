import Glibc
import CPharosSys
import PharosDomain
import PharosSQLite
import Synchronization

/// A publisher that keeps a number of appends outstanding.
///
/// For each that ends it submits another, from a thread of its own, as a shard does.
final class StoreLoad: StreamReceiver {
    private struct Mail {
        var ended = 0
        var batches: [Int] = []
    }

    private let mail = Mutex(Mail())
    private let wakeup = pharos_eventfd()
    private let poll = pharos_epoll_create()

    init() { _ = pharos_epoll_control(poll, 1, wakeup, PHAROS_READ, 0, 0) }

    deinit {
        _ = pharos_close(wakeup)
        _ = pharos_close(poll)
    }

    func completed(_ completions: [StreamCompletion]) {
        for completion in completions {
            if case .failure(let error) = completion.result { fail("not stored: \(error.message)") }
        }
        mail.withLock { mail in
            mail.ended += completions.count
            mail.batches.append(completions.count)
        }
        pharos_wake(wakeup)
    }

    struct Outcome {
        let nanoseconds: Int64
        /// The appends of each group commit, in order.
        let batches: [Int]
    }

    func run(
        _ streams: SQLiteStreams, appends: Int, outstanding: Int, channels: [String], data: [UInt8],
        retention: StreamRetention
    ) -> Outcome {
        let nowMs = pharos_wall_ms()
        var (submitted, ended) = (0, 0)
        var event = pharos_event()
        let publication = Publication(data: data, timeMs: nowMs)
        mail.withLock { $0 = Mail() }
        let start = pharos_monotonic_ns()
        while ended < appends {
            while submitted < appends, submitted - ended < outstanding {
                streams.submit(
                    .append(
                        StreamAppend(
                            channel: ChannelName(channels[submitted % channels.count]), publication: publication,
                            retention: retention, nowMs: nowMs)),
                    ticket: UInt64(submitted), to: self)
                submitted += 1
            }
            _ = pharos_epoll_wait(poll, &event, 1, -1)
            pharos_clear_wake(wakeup)
            ended = mail.withLock { $0.ended }
        }
        return Outcome(nanoseconds: pharos_monotonic_ns() - start, batches: mail.withLock { $0.batches })
    }
}

/// Prints the reason and ends the program with 1.
///
/// A figure over something that failed would mean nothing.
func fail(_ reason: String) -> Never {
    var text = "pharos-store-bench: \(reason)\n"
    text.withUTF8 { _ = write(STDERR_FILENO, $0.baseAddress, $0.count) }
    exit(1)
}
