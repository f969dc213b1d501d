import CPharosSys
import Testing

@testable import PharosCLI

@Suite("The load of this machine")
struct MachineLoadTests {
    @Test("processor time leaves idle, waiting and guest time out of busy")
    func processor() {
        let stat = "cpu  10 20 30 400 50 6 7 8 9 1\ncpu0 1 2 3 4\nintr 1\n"
        #expect(MachineLoad.parseProcessorTime(stat) == .init(busy: 81, total: 531))
        #expect(MachineLoad.parseProcessorTime("") == nil)
        #expect(MachineLoad.parseProcessorTime("cpu0 1 2 3 4") == nil)
        #expect(MachineLoad.parseProcessorTime("cpu 1 2") == nil)
    }

    @Test("memory in use is what is not available, in bytes")
    func memory() {
        let meminfo = "MemTotal:       1000 kB\nMemFree:         100 kB\nMemAvailable:    600 kB\n"
        #expect(MachineLoad.parseMemory(meminfo) == .init(used: 400 * 1024, total: 1000 * 1024))
        #expect(MachineLoad.parseMemory("MemTotal: 1 kB\nMemAvailable: 2 kB\n") == nil)
        #expect(MachineLoad.parseMemory("MemTotal: 18446744073709551615 kB\nMemAvailable: 2 kB\n") == nil)
        #expect(MachineLoad.parseMemory("") == nil)
    }

    @Test("traffic adds up all interfaces")
    func traffic() {
        let device = """
            Inter-|   Receive                                                |  Transmit
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop
                lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0
              eth0: 100 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0
              eth1:5 1 0 0 0 0 0 0 6 1 0 0 0 0 0 0
            """
        #expect(MachineLoad.parseTraffic(device) == .init(received: 1104, sent: 1025))
        #expect(MachineLoad.parseTraffic("nothing") == nil)
    }

    @Test("two readings make rates; a counter that ran backwards makes none")
    func rates() {
        let first = MachineLoad(
            processorTime: .init(busy: 100, total: 1000), memory: .init(used: 1, total: 2),
            traffic: .init(received: 1000, sent: 500), monotonicMs: 10_000)
        let second = MachineLoad(
            processorTime: .init(busy: 150, total: 1200), memory: .init(used: 3, total: 4),
            traffic: .init(received: 5000, sent: 400), monotonicMs: 12_000)
        #expect(
            second.json(since: first, wallMs: 77)
                == #"{"t":77,"cpu":25.0,"memory":{"used":3,"total":4},"network":{"rx":2000,"tx":0}}"#)
        #expect(first.processorPercent(since: second) == 0)
    }

    @Test("this machine can be read")
    func now() {
        #expect(MachineLoad.now() != nil)
    }

    @Test("an answer is complete when its stated length is there")
    func answers() {
        func progress(_ text: String) -> HTTPAnswer { HTTPAnswer.progress(of: Array(text.utf8)) }
        #expect(progress("HTTP/1.1 200 OK\r\nContent-Length: 2") == .incomplete)
        #expect(progress("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{") == .incomplete)
        #expect(progress("HTTP/1.1 200 OK\r\ncontent-length:2\r\n\r\n{}") == .complete(keepsAlive: true))
        #expect(
            progress("HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n")
                == .complete(keepsAlive: false))
        #expect(progress("HTTP/1.1 200 OK\r\n\r\n") == .complete(keepsAlive: false))
        #expect(progress("SSH-2.0\r\n\r\n") == .malformed)
    }

    @Test("a publisher without a server ends when it is cancelled")
    func cancelled() async {
        let task = Task { await MachineLoadPublisher().run(host: "127.0.0.1", port: 9, apiKey: nil) }
        task.cancel()
        await task.value
    }
}
