import Testing

@testable import PharosEdge

#if canImport(Glibc)
    import Glibc
#endif

@Suite("mailbox")
struct MailboxTests {
    /// Whether the descriptor would wake the loop now.
    private func isAwake(_ mailbox: Mailbox<Int>) -> Bool {
        var descriptor = pollfd(fd: mailbox.descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&descriptor, 1, 0) == 1
    }

    @Test("messages come in the order of posting, once")
    func order() {
        let mailbox = Mailbox<Int>()
        for number in 0..<100 { #expect(mailbox.post(number)) }
        #expect(mailbox.take() == Array(0..<100))
        #expect(mailbox.take() == [])
    }

    @Test("the first message wakes the shard, also after it has looked")
    func wakes() {
        let mailbox = Mailbox<Int>()
        #expect(!isAwake(mailbox))
        mailbox.post(1)
        #expect(isAwake(mailbox))
        var count: UInt64 = 0
        _ = read(mailbox.descriptor, &count, 8)
        #expect(count == 1)
        mailbox.post(2)
        // Still awake: the first one has not been taken yet, so there is no second system call.
        #expect(!isAwake(mailbox))
        #expect(mailbox.take() == [1, 2])
        mailbox.post(3)
        #expect(isAwake(mailbox))
    }

    @Test("a closed mailbox gives back what was never taken, and refuses the rest")
    func closed() {
        let mailbox = Mailbox<Int>()
        mailbox.post(1)
        #expect(mailbox.close() == [1])
        #expect(mailbox.post(2) == false)
        #expect(mailbox.take() == [])
    }

    @Test("many senders at once: every message arrives, each sender's in order")
    func manySenders() async {
        let mailbox = Mailbox<Int>()
        let senders = 8
        let each = 5_000
        await withTaskGroup(of: Void.self) { group in
            for sender in 0..<senders {
                group.addTask { for number in 0..<each { mailbox.post(sender * each + number) } }
            }
            group.addTask {
                var next = (0..<senders).map { $0 * each }
                var taken = 0
                while taken < senders * each {
                    for message in mailbox.take() {
                        #expect(message == next[message / each])
                        next[message / each] += 1
                        taken += 1
                    }
                    await Task.yield()
                }
            }
        }
    }
}
