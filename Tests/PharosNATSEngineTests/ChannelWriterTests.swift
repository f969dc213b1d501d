import PharosDomain
import Testing

@testable import PharosNATSEngine

/// The writer of a channel, as transcripts of events and actions.
@Suite("the writer of a channel")
struct ChannelWriterTests {
    private var writer = ChannelWriter(mark: "w")

    /// The words of actions.
    private func words(_ actions: [ChannelWriter.Action]) -> [String] {
        actions.map { action in
            switch action {
            case .readLast: "read last"
            case .readAfter(let sequence): "read after \(sequence)"
            case .readEpoch: "read epoch"
            case .readKeys(let keys): "read keys \(keys.map(\.text).sorted().joined(separator: " "))"
            case .write(let commit):
                "write \(commit.id) behind \(commit.guardSequence): "
                    + ChannelWriterTests.parts(commit)
                    + (commit.keys.isEmpty ? "" : " keys \(commit.keys.map(\.key.text).joined(separator: " "))")
            case .pause: "pause"
            case .delete(let sequence): "delete \(sequence)"
            case .stored(let commit, let sequence):
                "stored \(commit.orders.map { String($0.ticket) }.joined(separator: " ")) up to \(sequence)"
            case .answer(let orders, let answers):
                "answer " + zip(orders, answers).map { "\($0.ticket):\($1.position.offset)" }.joined(separator: " ")
            case .refuse(let orders, _): "refuse \(orders.map { String($0.ticket) }.joined(separator: " "))"
            }
        }
    }

    private static func parts(_ commit: ChannelCommit) -> String {
        guard let mark = commit.mark else { return "nothing" }
        guard mark.kind == .publication else { return "\(mark.kind.rawValue)\(mark.position.offset)" }
        return commit.parts.map { "P\($0.offset)" }.joined(separator: " ")
    }

    private func order(
        _ ticket: UInt64, key: IdempotencyKey = "", version: UInt64 = 0, history: HistoryUse = .kept,
        deadlineMs: Int64 = 1_000
    ) -> ChannelOrder {
        var append = StreamAppend(
            channel: "news", publication: Publication(data: [UInt8(ticket)]),
            retention: StreamRetention(size: 5, ttlMs: 1_000, metaTTLMs: 0), nowMs: 0)
        (append.idempotencyKey, append.version, append.history) = (key, version, history)
        return ChannelOrder(work: .append(append, except: nil), relay: 0, ticket: ticket, deadlineMs: deadlineMs)
    }

    private func message(
        _ sequence: UInt64, _ offset: UInt64, commit: String = "other", epoch: Epoch = "e",
        kind: StoredMark.Kind = .publication,
        version: StreamVersion? = nil
    ) -> StoredMessage {
        StoredMessage(
            sequence: sequence,
            mark: StoredMark(
                kind: kind, position: StreamPosition(offset: offset, epoch: epoch), commit: commit, version: version),
            timeMs: 0, payload: [])
    }

    /// A writer that has stored the first publication of its channel, at sequence 10.
    private mutating func begin() {
        _ = writer.add(order(1), nowMs: 0)
        _ = writer.lastRead(.none, nowMs: 0)
        _ = writer.epochRead("e", spare: "s", nowMs: 0)
        _ = writer.written(.stored(10), of: "w.1", nowMs: 0)
    }

    @Test("the first publication looks for the channel, then for its epoch")
    mutating func first() {
        #expect(words(writer.add(order(1), nowMs: 0)) == ["read last"])
        #expect(words(writer.lastRead(.none, nowMs: 0)) == ["read epoch"])
        #expect(words(writer.epochRead("e", spare: "s", nowMs: 0)) == ["write w.1 behind 0: P1"])
        #expect(words(writer.written(.stored(10), of: "w.1", nowMs: 0)) == ["stored 1 up to 10"])
        #expect(writer.isIdle)
    }

    @Test("what comes during a commit is written together, behind it")
    mutating func group() {
        begin()
        #expect(words(writer.add(order(2), nowMs: 0)) == ["write w.2 behind 10: P2"])
        for ticket: UInt64 in 3...5 { #expect(writer.add(order(ticket), nowMs: 0).isEmpty) }
        let actions = writer.written(.stored(11), of: "w.2", nowMs: 0)
        #expect(words(actions) == ["stored 2 up to 11", "write w.3 behind 11: P3 P4 P5"])
    }

    @Test("the loser of a race numbers anew")
    mutating func conflict() {
        begin()
        #expect(words(writer.add(order(2), nowMs: 0)) == ["write w.2 behind 10: P2"])
        #expect(words(writer.written(.conflict, of: "w.2", nowMs: 0)) == ["read last"])
        #expect(words(writer.lastRead(.message(message(12, 3)), nowMs: 0)) == ["write w.3 behind 12: P4"])
    }

    @Test("another write on its way is waited for, with the same commit")
    mutating func inFlight() {
        begin()
        _ = writer.add(order(2), nowMs: 0)
        _ = writer.written(.conflict, of: "w.2", nowMs: 0)
        #expect(words(writer.lastRead(.message(message(10, 1)), nowMs: 0)) == ["pause"])
        #expect(words(writer.pauseEnded(nowMs: 50)) == ["write w.2 behind 10: P2"])
    }

    @Test("a commit without an answer that is found is stored once")
    mutating func foundLast() {
        begin()
        _ = writer.add(order(2), nowMs: 0)
        #expect(words(writer.written(.unknown, of: "w.2", nowMs: 0)) == ["read last"])
        let found = writer.lastRead(.message(message(11, 2, commit: "w.2")), nowMs: 0)
        #expect(words(found) == ["stored 2 up to 11"])
        #expect(words(writer.add(order(3), nowMs: 0)) == ["write w.3 behind 11: P3"])
    }

    @Test("it is found behind others' messages as well, and the next commit begins with a look")
    mutating func foundBehind() {
        begin()
        _ = writer.add(order(2), nowMs: 0)
        _ = writer.add(order(3), nowMs: 0)
        _ = writer.written(.unknown, of: "w.2", nowMs: 0)
        #expect(words(writer.lastRead(.message(message(15, 4)), nowMs: 0)) == ["read after 10"])
        let found = writer.nextRead(.message(message(11, 2, commit: "w.2")), nowMs: 0)
        #expect(words(found) == ["stored 2 up to 11", "read last"])
    }

    @Test("another's message in its place says that it is not stored")
    mutating func placeTaken() {
        begin()
        _ = writer.add(order(2), nowMs: 0)
        _ = writer.written(.unknown, of: "w.2", nowMs: 0)
        _ = writer.lastRead(.message(message(15, 4)), nowMs: 0)
        #expect(words(writer.nextRead(.message(message(11, 2)), nowMs: 0)) == ["read last"])
        #expect(words(writer.lastRead(.message(message(15, 4)), nowMs: 0)) == ["write w.3 behind 15: P5"])
    }

    @Test("where the place itself is gone nothing is known, and a temporary error is told")
    mutating func placeGone() {
        begin()
        _ = writer.add(order(2), nowMs: 0)
        _ = writer.written(.unknown, of: "w.2", nowMs: 0)
        _ = writer.lastRead(.message(message(35, 24)), nowMs: 0)
        #expect(words(writer.nextRead(.message(message(30, 19)), nowMs: 0)) == ["refuse 2"])
    }

    @Test("a commit that was not found is sent again as it was, until it is too late")
    mutating func again() {
        begin()
        _ = writer.add(order(2), nowMs: 0)
        _ = writer.written(.unknown, of: "w.2", nowMs: 0)
        #expect(words(writer.lastRead(.failed, nowMs: 0)) == ["pause"])
        #expect(words(writer.pauseEnded(nowMs: 50)) == ["read last"])
        #expect(words(writer.lastRead(.message(message(10, 1)), nowMs: 60)) == ["pause"])
        #expect(words(writer.pauseEnded(nowMs: 110)) == ["write w.2 behind 10: P2"])
        #expect(words(writer.written(.unknown, of: "w.2", nowMs: 900)) == ["read last"])
        #expect(words(writer.lastRead(.failed, nowMs: 1_000)) == ["refuse 2"])
        #expect(words(writer.add(order(3, deadlineMs: 2_000), nowMs: 1_000)) == ["read last"])
    }

    @Test("the first attempt's success shows as the second one's conflict")
    mutating func late() {
        begin()
        _ = writer.add(order(2), nowMs: 0)
        _ = writer.written(.unknown, of: "w.2", nowMs: 0)
        _ = writer.lastRead(.message(message(10, 1)), nowMs: 0)
        _ = writer.pauseEnded(nowMs: 50)
        #expect(words(writer.written(.conflict, of: "w.2", nowMs: 60)) == ["read last"])
        let found = writer.lastRead(.message(message(11, 2, commit: "w.2")), nowMs: 60)
        #expect(words(found) == ["stored 2 up to 11"])
    }

    @Test("a key that is taken is answered with its position, and the others are numbered anew")
    mutating func keys() {
        begin()
        _ = writer.add(order(2), nowMs: 0)
        _ = writer.add(order(3, key: "k"), nowMs: 0)
        _ = writer.add(order(4), nowMs: 0)
        _ = writer.add(order(5, key: "k"), nowMs: 0)
        let actions = writer.written(.stored(11), of: "w.2", nowMs: 0)
        #expect(words(actions) == ["stored 2 up to 11", "write w.3 behind 11: P3 P4 keys k"])
        #expect(words(writer.written(.conflict, of: "w.3", nowMs: 0)) == ["read last"])
        #expect(words(writer.lastRead(.message(message(11, 2)), nowMs: 0)) == ["read keys k"])
        let read = writer.keysRead(["k": StreamPosition(offset: 1, epoch: "e")], nowMs: 0)
        #expect(words(read) == ["write w.4 behind 11: P3"])
        guard case .write(let commit) = read[0] else { return }
        #expect(commit.answers.map(\.position.offset) == [1, 3, 1])
        #expect(commit.answers.map(\.isRepeat) == [true, false, true])
    }

    @Test("an old version is answered from what is stored, not from what was known")
    mutating func versions() {
        begin()
        #expect(words(writer.add(order(2, version: 3), nowMs: 0)) == ["write w.2 behind 10: P2"])
        #expect(words(writer.written(.stored(11), of: "w.2", nowMs: 0)) == ["stored 2 up to 11"])
        #expect(words(writer.add(order(3, version: 2), nowMs: 0)) == ["read last"])
        let newer = message(12, 3, version: StreamVersion(number: 1, epoch: "b"))
        #expect(words(writer.lastRead(.message(newer), nowMs: 0)) == ["write w.4 behind 12: P4"])
        _ = writer.written(.stored(13), of: "w.4", nowMs: 0)
        #expect(words(writer.add(order(4, key: "k", version: 2), nowMs: 0)) == ["read keys k"])
        #expect(words(writer.keysRead(["k": nil], nowMs: 0)) == ["read last"])
        let last = message(13, 4, commit: "w.4", version: StreamVersion(number: 2, epoch: ""))
        #expect(words(writer.lastRead(.message(last), nowMs: 0)) == ["answer 4:4"])
    }

    @Test("a signal leaves the numbering alone and is deleted behind the next message")
    mutating func signals() {
        begin()
        #expect(words(writer.add(order(2, version: 1, history: .skipped), nowMs: 0)) == ["write w.2 behind 10: S1"])
        _ = writer.written(.stored(11), of: "w.2", nowMs: 0)
        #expect(words(writer.add(order(3), nowMs: 0)) == ["write w.3 behind 11: P2"])
        #expect(words(writer.written(.stored(12), of: "w.3", nowMs: 0)) == ["stored 3 up to 12", "delete 11"])
    }

    @Test("a removal is a commit of its own, and none where there is nothing")
    mutating func removal() {
        let removal = ChannelOrder(work: .removeHistory, relay: 0, ticket: 9, deadlineMs: 1_000)
        _ = writer.add(removal, nowMs: 0)
        _ = writer.lastRead(.none, nowMs: 0)
        #expect(words(writer.epochRead("e", spare: "s", nowMs: 0)) == ["answer 9:0"])
        _ = writer.add(order(1), nowMs: 0)
        _ = writer.add(removal, nowMs: 0)
        _ = writer.add(order(2), nowMs: 0)
        let actions = writer.written(.stored(10), of: "w.2", nowMs: 0)
        #expect(words(actions) == ["stored 1 up to 10", "write w.3 behind 10: M1"])
        #expect(
            words(writer.written(.stored(11), of: "w.3", nowMs: 0)) == ["stored 9 up to 11", "write w.4 behind 11: P2"])
    }

    @Test("a memory that the server has lost is another epoch, also where the first one would be the same")
    mutating func lost() {
        begin()
        _ = writer.add(order(2), nowMs: 0)
        _ = writer.written(.conflict, of: "w.2", nowMs: 0)
        #expect(words(writer.lastRead(.none, nowMs: 0)) == ["read last"])
        #expect(words(writer.lastRead(.none, nowMs: 0)) == ["read epoch"])
        let actions = writer.epochRead("e", spare: "s", nowMs: 0)
        guard case .write(let commit) = actions.first else {
            Issue.record("no write")
            return
        }
        #expect(commit.mark?.position == StreamPosition(offset: 1, epoch: "s"))
    }

    @Test("a stream that has gone back to an older message goes on in another epoch")
    mutating func goneBack() {
        begin()
        _ = writer.add(order(2), nowMs: 0)
        _ = writer.written(.stored(11), of: "w.2", nowMs: 0)
        _ = writer.add(order(3), nowMs: 0)
        _ = writer.written(.conflict, of: "w.3", nowMs: 0)
        let actions = writer.lastRead(.message(message(10, 1)), nowMs: 0)
        guard case .write(let commit) = actions.first else {
            Issue.record("no write")
            return
        }
        #expect(commit.guardSequence == 10)
        #expect(commit.mark?.position.offset == 1)
        #expect(commit.mark?.position.epoch != "e")
    }

    @Test("what has waited too long is refused, and the end refuses everything")
    mutating func refusals() {
        _ = writer.add(order(1), nowMs: 0)
        _ = writer.add(order(2, deadlineMs: 5_000), nowMs: 0)
        #expect(words(writer.lastRead(.failed, nowMs: 0)) == ["pause"])
        #expect(words(writer.pauseEnded(nowMs: 2_000)) == ["refuse 1", "read last"])
        #expect(words(writer.refuseAll(.internalError)) == ["refuse 2"])
        #expect(writer.isIdle)
    }
}
