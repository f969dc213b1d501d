import Glibc
import PharosBytes
import PharosDomain
import PharosServices
import Testing

@Suite("the dead-letter log") struct DeadLetterFileTests {
    /// A directory of its own, removed with all files afterwards.
    private final class Directory {
        let path: String

        init() {
            var template = Array("/tmp/pharos-letters-XXXXXX".utf8CString)
            path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        }

        deinit {
            for name in ["dead-letters.jsonl", "dead-letters.1.jsonl"] { unlink("\(path)/\(name)") }
            rmdir(path)
        }

        func lines(_ name: String) -> [String] {
            guard let file = fopen("\(path)/\(name)", "r") else { return [] }
            defer { fclose(file) }
            var bytes: [UInt8] = []
            while case let byte = fgetc(file), byte != EOF { bytes.append(UInt8(byte)) }
            return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }

    private func event(_ sequence: UInt64) -> NumberedEvent {
        var event = OriginEvent(.disconnected, atMs: 5)
        (event.client, event.user, event.code, event.reason) = ("c\(sequence)", "ann \"a\"", 3_012, "no pong")
        event.meta = Array(#"{"plan":1}"#.utf8)
        return NumberedEvent(sequence: sequence, event: event)
    }

    @Test("holds one line of JSON for each event, also over restarts")
    func lines() {
        let directory = Directory()
        #expect(DeadLetterFile(directory: directory.path, node: "n") { _ in }.append([event(1)], for: "app", nowMs: 9))
        #expect(
            DeadLetterFile(directory: directory.path, node: "n") { _ in }
                .append([event(2), event(3)], for: "app", nowMs: 9))
        let lines = directory.lines("dead-letters.jsonl")
        #expect(lines.count == 3)
        #expect(
            lines.first
                == #"{"sequence":1,"kind":"disconnected","to":"app","node":"n","buried_at":9,"at":5,"client":"c1","#
                + #""user":"ann \"a\"","code":3012,"reason":"no pong","meta":{"plan":1}}"#)
    }

    @Test("a file at its limit becomes the older one, which there is one of")
    func rotation() {
        let directory = Directory()
        let log = DeadLetterFile(directory: directory.path, node: "n", limit: 500) { _ in }
        for sequence in 1...10 as ClosedRange<UInt64> { #expect(log.append([event(sequence)], for: "app", nowMs: 9)) }
        let (older, newer) = (directory.lines("dead-letters.1.jsonl"), directory.lines("dead-letters.jsonl"))
        #expect(older.count == 3)
        #expect(newer.last?.hasPrefix(#"{"sequence":10,"#) == true)
        #expect(older.count + newer.count < 10)
    }

    @Test("a directory that has gone is a problem with a name, and nothing counts as kept")
    func failing() {
        let problems = Locked<[String]>([])
        let log = DeadLetterFile(directory: "/nowhere", node: "n") { text in problems.withLock { $0.append(text) } }
        #expect(!log.append([event(1)], for: "app", nowMs: 9))
        #expect(problems.withLock { $0 } == ["cannot write /nowhere/dead-letters.jsonl: No such file or directory"])
    }
}
