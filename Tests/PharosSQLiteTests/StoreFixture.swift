import Foundation
import PharosDomain
import PharosSQLite
import PharosTestKit
import Synchronization

/// A directory of its own for one test, removed afterwards.
///
/// It has the stores that are opened in it.
final class StoreFixture: Sendable {
    let path: String
    /// The time of the stores' clock.
    private let wall = Mutex<Int64>(0)
    private let reported = Mutex<[StoreEvent]>([])

    static let retention = StreamRetention(size: 1_000, ttlMs: 3_600_000, metaTTLMs: 0)

    init() {
        path = FileManager.default.temporaryDirectory.appending(path: "pharos-store-\(UUID().uuidString)").path()
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var wallMs: Int64 {
        get { wall.withLock { $0 } }
        set { wall.withLock { $0 = newValue } }
    }

    var events: [StoreEvent] { reported.withLock { $0 } }

    var database: String { "\(path)/pharos.db" }

    func open(_ change: (inout SQLiteStreamsOptions) -> Void = { _ in }) throws(StoreError) -> SQLiteStreams {
        var options = SQLiteStreamsOptions()
        options.wallMs = { [weak self] in self?.wallMs ?? 0 }
        change(&options)
        return try SQLiteStreams(directory: path, options: options) { [weak self] event in
            self?.reported.withLock { $0.append(event) }
        }
    }

    /// The store as the conformance suite sees it.
    func underTest(
        _ streams: SQLiteStreams, _ change: @escaping @Sendable (inout SQLiteStreamsOptions) -> Void = { _ in }
    ) -> DurableStoreUnderTest {
        DurableStoreUnderTest(streams, reopen: { [self] in try open(change) }) { [self] streams, nowMs in
            wallMs = nowMs
            await (streams as? SQLiteStreams)?.tidied()
        }
    }
}

extension SQLiteStreams {
    func tidied() async { await withCheckedContinuation { done in tidy { done.resume() } } }

    func limited(toPages pages: Int) async {
        await withCheckedContinuation { done in limitFile(toPages: pages) { done.resume() } }
    }

    func logMoved() async { await withCheckedContinuation { done in moveLog { done.resume() } } }

    var statistics: StoreStatistics {
        get async { await withCheckedContinuation { done in statistics { done.resume(returning: $0) } } }
    }

    @discardableResult
    func append(
        _ text: String, to channel: ChannelName = "news", key: IdempotencyKey = "", nowMs: Int64 = 1_000,
        _ retention: StreamRetention = StoreFixture.retention
    ) async throws -> StreamPosition {
        var append = StreamAppend(
            channel: channel, publication: Publication(data: Array(text.utf8)), retention: retention, nowMs: nowMs)
        append.idempotencyKey = key
        append.idempotencyUntilMs = nowMs + 300_000
        guard case .appended(let position, _) = try await perform(.append(append)) else { throw WrongAnswer() }
        return position
    }

    func read(
        _ channel: ChannelName = "news", after: UInt64? = nil, limit: Int = .max, nowMs: Int64 = 1_000,
        _ retention: StreamRetention = StoreFixture.retention
    ) async throws -> StreamRead {
        let operation = StreamOperation.read(
            channel: channel, after: after, limit: limit, retention: retention, nowMs: nowMs)
        guard case .read(let read) = try await perform(operation) else { throw WrongAnswer() }
        return read
    }
}

struct WrongAnswer: Error {}

extension StreamRead {
    var texts: [String] { publications.map { String(decoding: $0.data, as: UTF8.self) } }
}
