import CPharosSys
import PharosBytes
import Testing

@Suite("system threads")
struct SystemThreadTests {
    /// The beginning of a file of `/proc` as the calling thread sees it.
    private static func read(_ path: String) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 8_192) { buffer in
            let count = pharos_read_file(path, buffer.baseAddress!, buffer.count)
            return String(decoding: UnsafeRawBufferPointer(buffer)[..<max(0, Int(count))], as: UTF8.self)
        }
    }

    private static var allowedProcessors: String {
        let line = read("/proc/thread-self/status").split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
        return String((line ?? "").drop { !$0.isNumber })
    }

    @Test("the body runs once, under the name, and `join` waits for it")
    func runs() throws {
        let names = Locked<[String]>([])
        let thread = try SystemThread(name: "pharos-test") {
            let name = Self.read("/proc/thread-self/comm")
            names.withLock { $0.append(name) }
        }
        thread.join()
        #expect(names.withLock { $0 } == ["pharos-test\n"])
    }

    @Test("a thread is pinned to the processor that it was given")
    func pins() throws {
        let processor = try #require(Int(Self.allowedProcessors.prefix { $0.isNumber }))
        let allowed = Locked("")
        let thread = try SystemThread(name: "pharos-test", processor: processor) {
            let list = Self.allowedProcessors
            allowed.withLock { $0 = list }
        }
        thread.join()
        #expect(allowed.withLock { $0 } == "\(processor)")
    }

    @Test("a processor that is not there is passed over")
    func missingProcessor() throws {
        let hasRun = Locked(false)
        let thread = try SystemThread(name: "pharos-test", processor: 1_000) { hasRun.withLock { $0 = true } }
        thread.join()
        #expect(hasRun.withLock { $0 })
    }

    @Test("what the body holds is released when the thread has ended")
    func releases() throws {
        final class Token: Sendable {}
        weak var released: Token?
        do {
            let token = Token()
            released = token
            let thread = try SystemThread(name: "pharos-test") { _ = token }
            thread.join()
        }
        #expect(released == nil)
    }
}
