import PharosDomain
import PharosMemory
import Testing

@testable import PharosChannels

/// Transcripts of a relay.
///
/// A shard's request or an engine's report goes in, and what follows is read in words.
@Suite("relays of channels")
struct RelayTests {
    /// A relay of three shards' channels before an engine in the test's hands.
    final class Rig {
        var relay: ChannelRelay
        let engine = ScriptedEngine()
        var now = Moment(monotonicMs: 1_000, wallMs: 1_000_000)

        init(notesOccupancy: Bool = false) {
            let settings = ChannelRelay.Settings(
                channel: ChannelSettings(), recoveryLimit: 10, cacheSize: 1_000_000, notesOccupancy: notesOccupancy)
            relay = ChannelRelay(settings, engine: engine, presence: MemoryPresence())
        }

        static var options: ChannelOptions {
            var options = ChannelOptions()
            (options.historySize, options.historyTTL) = (10, 60)
            return options
        }

        /// A shard's request, and what follows at once.
        func ask(_ request: RelayRequest, from shard: Int = 0) -> [String] {
            relay.receive(request, from: shard, at: now)
            return output()
        }

        /// Lets the engine report, and returns what follows.
        func collect() -> [String] {
            relay.collect(at: now)
            return output()
        }

        private func output() -> [String] {
            var batch: [RelayOutput] = []
            relay.takeOutput(&batch)
            return batch.map(Rig.word)
        }

        private static func word(_ output: RelayOutput) -> String {
            switch output {
            case .message(.attached(let tag, .success(let read)), let shard):
                "\(shard): attached \(tag.connection)" + (read.map { " at \(word($0))" } ?? "")
            case .message(.attached(let tag, .failure(let error)), let shard):
                "\(shard): refused \(tag.connection) \(error.code)"
            case .message(.answered(let ticket, .success(let answer)), let shard):
                "\(shard): answer \(ticket) \(word(answer))"
            case .message(.answered(let ticket, .failure(let error)), let shard):
                "\(shard): error \(ticket) \(error.code)"
            case .message(.position(let channel, let position), let shard):
                "\(shard): \(channel) stands at \(position.offset)\(position.epoch)"
            case .message(.event, _): "an event for one shard"
            case .event(let channel, .publication(let publication, _, _), let shards):
                "\(channel) \(publication.offset) to \(String(shards, radix: 2))"
            case .event(let channel, .member(.join(let info)), let shards):
                "\(channel) +\(info.client) to \(String(shards, radix: 2))"
            case .event(let channel, .member(.leave(let info)), let shards):
                "\(channel) -\(info.client) to \(String(shards, radix: 2))"
            case .occupancy(let channel, let isOccupied): "\(channel) \(isOccupied ? "occupied" : "vacated")"
            }
        }

        private static func word(_ read: StreamRead) -> String {
            "\(read.top.offset)\(read.top.epoch)" + read.publications.map { " \($0.offset)" }.joined()
        }

        private static func word(_ answer: ChannelAnswer) -> String {
            switch answer {
            case .position(let position): "\(position.offset)\(position.epoch)"
            case .members(let members): "members \(members.keys.map(\.text).sorted().joined(separator: " "))"
            case .stats(let clients, let users): "\(clients) clients \(users) users"
            case .read(let read): word(read)
            case .done: "done"
            }
        }

        func attach(
            _ client: ClientName, as connection: UInt64, joins: Bool = false, positioned: Bool = true,
            from position: StreamPosition? = nil
        ) -> RelayRequest {
            .attach(
                AttachRequest(
                    channel: "a", options: Rig.options, info: ClientInfo(user: "ann", client: client),
                    keepsPresence: joins, emitsJoin: joins, isPositioned: positioned, recoverFrom: position),
                SubscriberTag(connection: connection, generation: 1))
        }

        func detach(_ client: ClientName, joined: Bool = false, isLast: Bool = true) -> RelayRequest {
            .detach(
                DetachRequest(
                    channel: "a", info: ClientInfo(user: "ann", client: client), keepsPresence: joined,
                    emitsLeave: joined, isLastOfShard: isLast))
        }

        /// A publication as the engine reports it.
        func publication(_ offset: UInt64, epoch: Epoch = "e") -> EngineEvent {
            .publication(
                channel: "a",
                EngineDelivery(
                    publication: Publication(data: [UInt8(offset)], offset: offset), epoch: epoch,
                    retention: StreamRetention(Rig.options, ChannelSettings()), except: nil))
        }

        func read(_ top: UInt64, _ offsets: [UInt64] = [], epoch: Epoch = "e") -> Result<EngineOutcome, ReplyError> {
            .success(
                .read(
                    StreamRead(
                        top: StreamPosition(offset: top, epoch: epoch),
                        publications: offsets.map { Publication(data: [UInt8($0)], offset: $0) })))
        }
    }

    @Test("a subscriber is answered before its join is announced, and the shards with subscribers get both")
    func attachAndJoin() {
        let rig = Rig()
        #expect(rig.ask(rig.attach("c1", as: 1, joins: true, positioned: false)) == ["0: attached 1", "a +c1 to 1"])
        #expect(
            rig.ask(rig.attach("c2", as: 2, joins: true, positioned: false), from: 2)
                == ["2: attached 2", "a +c2 to 101"])
        #expect(rig.ask(rig.detach("c2", joined: true), from: 2) == ["a -c2 to 1"])
        #expect(rig.ask(rig.detach("c1", joined: true)) == [])
        #expect(rig.relay.heldChannels == (0, 0))
        #expect(rig.engine.followed == ["follow a", "unfollow a"])
    }

    @Test("a publication is delivered before its publisher is answered")
    func publish() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1, positioned: false))
        let publish = EnginePublish(channel: "a", publication: Publication(data: [1]), options: Rig.options)
        #expect(rig.ask(.ask(.publish(publish), ticket: 9), from: 1) == [])
        rig.engine.report(rig.publication(1))
        rig.engine.complete(.success(.position(StreamPosition(offset: 1, epoch: "e"))))
        #expect(rig.collect() == ["a 1 to 1", "1: answer 9 1e"])
        #expect(rig.ask(.ask(.publish(publish), ticket: 10), from: 1) == [])
        rig.engine.complete(.failure(.internalError))
        #expect(rig.collect() == ["1: error 10 100"])
        #expect(rig.relay.counters.publications == 1)
        #expect(rig.relay.counters.refusedPublications == 1)
    }

    @Test("a cold channel is read once for all that wait, and then answered from memory")
    func fill() {
        let rig = Rig()
        let from = StreamPosition(offset: 1, epoch: "e")
        #expect(rig.ask(rig.attach("c1", as: 1, from: from)) == [])
        #expect(rig.ask(rig.attach("c2", as: 2, from: from), from: 1) == [])
        #expect(rig.engine.waiting == ["newest a 10"])
        rig.engine.complete(rig.read(3, [3, 2, 1]))
        #expect(rig.collect() == ["0: attached 1 at 3e 2 3", "1: attached 2 at 3e 2 3"])
        // What follows is in memory, too.
        rig.engine.report(rig.publication(4))
        #expect(rig.collect() == ["a 4 to 11"])
        #expect(rig.ask(rig.attach("c3", as: 3, from: from)) == ["0: attached 3 at 4e 2 3 4"])
        let history = HistoryOrder(channel: "a", options: Rig.options, limit: 2, reverse: true)
        #expect(rig.ask(.ask(.history(history), ticket: 5)) == ["0: answer 5 4e 4 3"])
        #expect(rig.engine.waiting == [])
    }

    @Test("a store that cannot be read refuses all that waited")
    func fillFails() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1))
        _ = rig.ask(.ask(.history(HistoryOrder(channel: "a", options: Rig.options, limit: 2)), ticket: 5))
        rig.engine.complete(.failure(.internalError))
        #expect(rig.collect() == ["0: refused 1 100", "0: error 5 100"])
    }

    @Test("a client that leaves before it is answered is announced neither as joined nor as gone")
    func leavesEarly() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1, positioned: false))
        #expect(rig.ask(rig.attach("c2", as: 2, joins: true)) == [])
        #expect(rig.ask(rig.detach("c2", joined: true, isLast: false)) == [])
        rig.engine.complete(rig.read(0))
        #expect(rig.collect() == ["0: attached 2 at 0e"])
    }

    @Test("a history of another epoch is refused")
    func otherEpoch() {
        let rig = Rig()
        let since = StreamPosition(offset: 1, epoch: "old")
        let history = HistoryOrder(channel: "a", options: Rig.options, limit: 2, since: since)
        _ = rig.ask(.ask(.history(history), ticket: 5))
        rig.engine.complete(rig.read(3, [3, 2, 1]))
        #expect(rig.collect() == ["0: error 5 112"])
    }

    // MARK: Gaps

    @Test("what a gap hides is fetched and delivered in its place, and the shards hear of nothing")
    func gapIsClosed() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1))
        rig.engine.complete(rig.read(1, [1]))
        #expect(rig.collect() == ["0: attached 1 at 1e"])
        rig.engine.report(rig.publication(4))
        rig.engine.report(rig.publication(5))
        #expect(rig.collect() == [])
        #expect(rig.engine.waiting == ["read a after 1 4096"])
        // What comes meanwhile, and readers, wait as well.
        #expect(rig.ask(rig.attach("c2", as: 2, from: StreamPosition(offset: 1, epoch: "e"))) == [])
        rig.engine.complete(rig.read(4, [2, 3, 4]))
        #expect(rig.collect() == ["a 2 to 1", "a 3 to 1", "a 4 to 1", "a 5 to 1"])
        rig.engine.complete(rig.read(5, [5, 4, 3, 2, 1]))
        #expect(rig.collect() == ["0: attached 2 at 5e 2 3 4 5"])
        #expect(rig.relay.counters.repairs == 1)
        #expect(rig.relay.counters.repairedPublications == 3)
        #expect(rig.relay.counters.brokenFeeds == 0)
    }

    @Test("a gap that the engine reports is closed the same way")
    func reportedGap() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1))
        rig.engine.complete(rig.read(1, [1]))
        _ = rig.collect()
        rig.engine.report(.gap(channel: "a"))
        #expect(rig.collect() == [])
        rig.engine.complete(rig.read(3, [2, 3]))
        #expect(rig.collect() == ["a 2 to 1", "a 3 to 1"])
        // A repeat, and a report that was fetched before, are dropped.
        rig.engine.report(rig.publication(3))
        #expect(rig.collect() == [])
    }

    @Test("a gap that cannot be closed is told to the shards, and what is left is delivered")
    func brokenGap() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1))
        rig.engine.complete(rig.read(1, [1]))
        _ = rig.collect()
        rig.engine.report(rig.publication(9))
        _ = rig.collect()
        rig.engine.complete(rig.read(9, [8, 9]))
        #expect(rig.collect() == ["0: a stands at 7e", "a 8 to 1", "a 9 to 1"])
        #expect(rig.relay.counters.brokenFeeds == 1)
    }

    @Test("another epoch is told to the shards")
    func newEpoch() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1))
        rig.engine.complete(rig.read(5, [5]))
        _ = rig.collect()
        rig.engine.report(.gap(channel: "a"))
        _ = rig.collect()
        rig.engine.complete(rig.read(2, epoch: "f"))
        #expect(rig.collect() == ["0: a stands at 2f"])
        rig.engine.report(rig.publication(3, epoch: "f"))
        #expect(rig.collect() == ["a 3 to 1"])
    }

    @Test("while a gap cannot be fetched subscribers wait, readers are refused, and it is tried again")
    func failedRepair() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1))
        rig.engine.complete(rig.read(1, [1]))
        _ = rig.collect()
        rig.engine.report(rig.publication(3))
        _ = rig.collect()
        rig.engine.complete(.failure(.internalError))
        #expect(rig.collect() == [])
        rig.relay.expire(at: rig.now)
        #expect(rig.engine.waiting == ["read a after 1 4096"])
        rig.engine.complete(rig.read(3, [2, 3]))
        #expect(rig.collect() == ["a 2 to 1", "a 3 to 1"])
    }

    @Test("while the link is lost the copy is not believed; once it is back every followed channel is read on")
    func link() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1))
        rig.engine.complete(rig.read(1, [1]))
        _ = rig.collect()
        rig.engine.report(.linkLost)
        _ = rig.collect()
        #expect(rig.ask(rig.attach("c2", as: 2)) == [])
        #expect(rig.ask(.position(channel: "a", options: Rig.options)) == [])
        #expect(rig.engine.waiting == ["newest a 10"])
        rig.engine.report(.linkRegained)
        rig.engine.complete(rig.read(2, [2, 1]))
        #expect(rig.collect() == [])
        #expect(rig.engine.waiting == ["read a after 1 4096"])
        rig.engine.complete(rig.read(2, [2]))
        #expect(rig.collect() == ["a 2 to 1", "0: attached 2 at 2e"])
        #expect(rig.relay.counters.linksLost == 1)
    }

    @Test("a look at the position finds what was lost at the end of a channel")
    func positionCheck() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1))
        rig.engine.complete(rig.read(1, [1]))
        _ = rig.collect()
        _ = rig.ask(.position(channel: "a", options: Rig.options))
        #expect(rig.engine.waiting == ["read a after top 0"])
        rig.engine.complete(rig.read(1))
        #expect(rig.collect() == ["0: a stands at 1e"])
        _ = rig.ask(.position(channel: "a", options: Rig.options))
        rig.engine.complete(rig.read(2))
        #expect(rig.collect() == [])
        rig.engine.complete(rig.read(2, [2]))
        #expect(rig.collect() == ["a 2 to 1"])
        // A stream that ends before what was delivered has lost something, as after a backup was restored.
        _ = rig.ask(.position(channel: "a", options: Rig.options))
        rig.engine.complete(rig.read(1))
        #expect(rig.collect() == ["0: a stands at 1e", "0: a stands at 1e"])
    }

    @Test("a client that knows a newer position than this node is read for, not refused")
    func newerPosition() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1))
        rig.engine.complete(rig.read(1, [1]))
        _ = rig.collect()
        #expect(rig.ask(rig.attach("c2", as: 2, from: StreamPosition(offset: 2, epoch: "e"))) == [])
        rig.engine.complete(rig.read(2, [2, 1]))
        // The subscriber that is there gets it first.
        #expect(rig.collect() == [])
        rig.engine.complete(rig.read(2, [2]))
        #expect(rig.collect() == ["a 2 to 1", "0: attached 2 at 2e"])
    }

    @Test("a reader that knows a newer position than this node is read for, not answered from the copy")
    func newerReader() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1))
        rig.engine.complete(rig.read(1, [1]))
        _ = rig.collect()
        let since = StreamPosition(offset: 2, epoch: "e")
        let history = HistoryOrder(channel: "a", options: Rig.options, limit: 2, since: since)
        #expect(rig.ask(.ask(.history(history), ticket: 5)) == [])
        rig.engine.complete(rig.read(3, [3]))
        _ = rig.collect()
        rig.engine.complete(rig.read(3, [2, 3]))
        #expect(rig.collect() == ["a 2 to 1", "a 3 to 1", "0: answer 5 3e 3"])
    }

    @Test("a read that is older than what was reported meanwhile serves subscribers, and fills no copy")
    func olderRead() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1))
        rig.engine.report(rig.publication(4))
        #expect(rig.collect() == ["a 4 to 1"])
        // The copy has what was reported, and the read is dropped.
        rig.engine.complete(rig.read(3, [3, 2, 1]))
        #expect(rig.collect() == ["0: attached 1 at 4e"])
        #expect(rig.engine.waiting == [])
        let from = StreamPosition(offset: 1, epoch: "e")
        #expect(rig.ask(rig.attach("c2", as: 2, from: from)) == [])
        rig.engine.complete(rig.read(4, [4, 3, 2, 1]))
        #expect(rig.collect() == ["0: attached 2 at 4e 2 3 4"])
    }

    @Test("channels that are not followed are read, and not kept")
    func notFollowed() {
        let rig = Rig()
        let history = HistoryOrder(channel: "a", options: Rig.options, limit: 2, reverse: true)
        for _ in 0..<2 {
            #expect(rig.ask(.ask(.history(history), ticket: 5)) == [])
            rig.engine.complete(rig.read(3, [3, 2]))
            #expect(rig.collect() == ["0: answer 5 3e 3 2"])
        }
    }

    @Test("a completion that comes twice finds nothing")
    func lateCompletion() {
        let rig = Rig()
        let publish = EnginePublish(channel: "a", publication: Publication(data: [1]), options: Rig.options)
        _ = rig.ask(.ask(.publish(publish), ticket: 9))
        let ticket = rig.engine.requests.last!.ticket
        rig.engine.complete(.success(.position(StreamPosition(offset: 1, epoch: "e"))))
        rig.engine.report(.completed(ticket: ticket, .success(.position(StreamPosition(offset: 1, epoch: "e")))))
        #expect(rig.collect() == ["0: answer 9 1e"])
    }

    // MARK: Presence and occupancy

    @Test("presence answers with those that are there")
    func presence() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1, joins: true, positioned: false))
        _ = rig.ask(rig.attach("c2", as: 2, joins: true, positioned: false), from: 1)
        #expect(rig.ask(.ask(.presence(channel: "a"), ticket: 3), from: 2) == ["2: answer 3 members c1 c2"])
        #expect(rig.ask(.ask(.presenceStats(channel: "a"), ticket: 4)) == ["0: answer 4 2 clients 1 users"])
        #expect(rig.ask(.ask(.presence(channel: "b"), ticket: 5)) == ["0: answer 5 members "])
    }

    @Test("a channel is occupied by its first subscriber and vacated by its last, on whatever shards")
    func occupancy() {
        let rig = Rig(notesOccupancy: true)
        #expect(rig.ask(rig.attach("c1", as: 1, positioned: false)) == ["a occupied", "0: attached 1"])
        #expect(rig.ask(rig.attach("c2", as: 2, positioned: false), from: 1) == ["1: attached 2"])
        #expect(rig.ask(rig.detach("c1")) == [])
        #expect(rig.ask(rig.detach("c2"), from: 1) == ["a vacated"])
    }

    @Test("removing the history empties the copy and keeps the position")
    func removeHistory() {
        let rig = Rig()
        _ = rig.ask(rig.attach("c1", as: 1))
        rig.engine.complete(rig.read(2, [2, 1]))
        _ = rig.collect()
        #expect(rig.ask(.ask(.removeHistory(channel: "a", options: Rig.options), ticket: 6)) == [])
        rig.engine.complete(.success(.done))
        #expect(rig.collect() == ["0: answer 6 done"])
        let history = HistoryOrder(channel: "a", options: Rig.options, limit: -1)
        #expect(rig.ask(.ask(.history(history), ticket: 7)) == ["0: answer 7 2e"])
    }
}
