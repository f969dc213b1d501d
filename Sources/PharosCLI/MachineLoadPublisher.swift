import CPharosSys
import Glibc
import PharosBytes

/// Publishes this machine's load once a second through the public API.
///
/// It is an example of a back end.
///
/// It works on a thread of its own with one blocking socket, which it keeps open between requests and opens anew when
/// the server is away. Nothing is queued: a reading that cannot be delivered is dropped, the next one follows.
struct MachineLoadPublisher: Sendable {
    static let channel = "load"
    static let intervalMs: Int64 = 1000

    init() {}

    /// Publishes until the task is cancelled.
    ///
    /// Then it returns within moments, whatever the server does.
    ///
    /// `host` is a numeric address; `apiKey` is nil where the server's API is open.
    func run(host: String, port: UInt16, apiKey: String?) async {
        let cancellation = Cancellation()
        await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                let thread = try? SystemThread(name: "load") {
                    publishUntil(cancellation, HTTPPublisher(host: host, port: port, apiKey: apiKey))
                    continuation.resume()
                }
                // Without a thread to be had, the example goes without.
                guard let thread else { return continuation.resume() }
                thread.detach()
            }
        } onCancel: {
            cancellation.cancel()
        }
    }

    private func publishUntil(_ cancellation: Cancellation, _ publisher: consuming HTTPPublisher) {
        var earlier = MachineLoad.now()
        var next = pharos_monotonic_ms() + Self.intervalMs
        while !cancellation.wait(untilMs: next) {
            next = max(next + Self.intervalMs, pharos_monotonic_ms())
            guard let now = MachineLoad.now() else { continue }
            defer { earlier = now }
            guard let earlier else { continue }
            let data = now.json(since: earlier, wallMs: pharos_wall_ms())
            publisher.publish(channel: Self.channel, data: data, cancellation)
        }
    }
}

extension MachineLoad {
    /// The counters of this machine; nil where `/proc` is not as expected.
    static func now() -> MachineLoad? {
        guard let time = readFile("/proc/stat").flatMap({ parseProcessorTime($0) }),
            let memory = readFile("/proc/meminfo").flatMap({ parseMemory($0) }),
            let traffic = readFile("/proc/net/dev").flatMap({ parseTraffic($0) })
        else { return nil }
        return MachineLoad(
            processorTime: time, memory: memory, traffic: traffic, monotonicMs: pharos_monotonic_ms())
    }

    /// The start of a small file, at most 64 KiB.
    ///
    /// Files of `/proc` have no length to ask for.
    private static func readFile(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return String(unsafeUninitializedCapacity: 65536) { buffer in
            var count = 0
            while count < buffer.count {
                let got = read(file, buffer.baseAddress! + count, buffer.count - count)
                if got <= 0 { break }
                count += got
            }
            return count
        }
    }
}

// MARK: - The connection

/// One keep-alive connection to the API, used by one thread.
private struct HTTPPublisher: ~Copyable {
    private static let answerMs: Int64 = 5000
    /// An answer to a publish is some hundred bytes; what is longer is not our server.
    private static let answerLimit = 16384

    private let host: String
    private let port: UInt16
    private let apiKey: String?
    private var socket: Int32 = -1

    init(host: String, port: UInt16, apiKey: String?) {
        self.host = host
        self.port = port
        self.apiKey = apiKey
    }

    deinit {
        if socket >= 0 { _ = pharos_close(socket) }
    }

    /// Sends one publication and waits for its answer.
    ///
    /// Without an answer the connection is given up.
    mutating func publish(channel: String, data: String, _ cancellation: borrowing Cancellation) {
        if socket < 0 { socket = pharos_connect(host, port, 0, nil) }
        guard socket >= 0 else { return }
        if send(request(channel: channel, data: data)), receiveAnswer(cancellation) { return }
        _ = pharos_close(socket)
        socket = -1
    }

    private func request(channel: String, data: String) -> String {
        let body = "{\"channel\":\"\(channel)\",\"data\":\(data)}"
        let key = apiKey.map { "X-API-Key: \($0)\r\n" } ?? ""
        let authority = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        return """
            POST /api/publish HTTP/1.1\r
            Host: \(authority)\r
            Content-Type: application/json\r
            \(key)Content-Length: \(body.utf8.count)\r
            \r
            \(body)
            """
    }

    private func send(_ request: String) -> Bool {
        var request = request
        return request.withUTF8 { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = pharos_send(socket, bytes.baseAddress! + sent, bytes.count - sent, 0)
                if count == -Int(EINTR) { continue }
                if count <= 0 { return false }
                sent += count
            }
            return true
        }
    }

    /// Reads until the answer is whole; false if the connection cannot be used again.
    private func receiveAnswer(_ cancellation: borrowing Cancellation) -> Bool {
        let deadline = pharos_monotonic_ms() + Self.answerMs
        var answer: [UInt8] = []
        while answer.count < Self.answerLimit {
            guard cancellation.waitForInput(socket, untilMs: deadline) else { return false }
            let count = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
                let count = pharos_recv(socket, buffer.baseAddress, buffer.count)
                if count > 0 { answer.append(contentsOf: buffer[..<count]) }
                return count
            }
            if count == -Int(EINTR) { continue }
            if count <= 0 { return false }
            switch HTTPAnswer.progress(of: answer) {
            case .incomplete: continue
            case .complete(let keepsAlive): return keepsAlive
            case .malformed: return false
            }
        }
        return false
    }
}

// MARK: - Cancellation and threads

/// A word from a cancelled task to a thread that waits in the kernel.
private final class Cancellation: Sendable {
    /// Written once, by `cancel`.
    ///
    /// It is never read, so that every later wait ends at once too.
    private let event = pharos_eventfd()

    deinit {
        _ = pharos_close(event)
    }

    func cancel() {
        pharos_wake(event)
    }

    /// True if cancelled, false when the time has come.
    func wait(untilMs deadline: Int64) -> Bool {
        var descriptors = [pollfd(fd: event, events: Int16(POLLIN), revents: 0)]
        return Self.poll(&descriptors, untilMs: deadline)
    }

    /// Waits until there is something to read, or an end to notice.
    ///
    /// false at the deadline or when cancelled.
    func waitForInput(_ socket: Int32, untilMs deadline: Int64) -> Bool {
        var descriptors = [
            pollfd(fd: event, events: Int16(POLLIN), revents: 0), pollfd(fd: socket, events: Int16(POLLIN), revents: 0),
        ]
        return Self.poll(&descriptors, untilMs: deadline) && descriptors[0].revents == 0
    }

    private static func poll(_ descriptors: inout [pollfd], untilMs deadline: Int64) -> Bool {
        while true {
            let left = max(0, deadline - pharos_monotonic_ms())
            let ready = Glibc.poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: left))
            if ready > 0 { return true }
            if ready < 0 && errno != EINTR { return true }
            if ready == 0 && pharos_monotonic_ms() >= deadline { return false }
        }
    }
}
