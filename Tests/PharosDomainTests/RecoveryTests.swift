import PharosDomain
import PharosTestKit
import Testing

extension Recovery {
    /// Whether this is the outcome without publications.
    fileprivate func says(isRecovered: Bool, offset: UInt64, position: UInt64) -> Bool {
        self.isRecovered == isRecovered && self.offset == offset && epoch == "e" && publications.isEmpty
            && self.position == position
    }
}

@Suite("recovery: proves that nothing is missing")
struct RecoveryTests {
    private func merge(
        from: StreamPosition?, top: UInt64, read: [Publication] = [], buffered: [Publication] = [],
        mode: ChannelOptions.RecoveryMode = .stream
    ) throws -> Recovery {
        try Recovery.merge(
            from: from, mode: mode,
            read: StreamRead(top: StreamPosition(offset: top, epoch: "e"), publications: read), buffered: buffered)
    }

    private func at(_ offset: UInt64, _ epoch: Epoch = "e") -> StreamPosition {
        StreamPosition(offset: offset, epoch: epoch)
    }

    @Test("no recovery asked: the top is the position, no publications")
    func notAsked() throws {
        let recovery = try merge(from: nil, top: 5)
        #expect(recovery.says(isRecovered: false, offset: 5, position: 5))
    }

    @Test("nothing missed")
    func nothingMissed() throws {
        let recovery = try merge(from: at(5), top: 5)
        #expect(recovery.says(isRecovered: true, offset: 5, position: 5))
    }

    @Test("everything missed is there: the offset is the request's, the position the top")
    func recovered() throws {
        let recovery = try merge(from: at(2), top: 5, read: publications(3...5))
        #expect(recovery.isRecovered)
        #expect(recovery.offset == 2)
        #expect(recovery.publications.map(\.offset) == [3, 4, 5])
        #expect(recovery.position == 5)
    }

    @Test("an empty epoch stands for the stream's own")
    func emptyEpoch() throws {
        #expect(try merge(from: at(2, ""), top: 5, read: publications(3...5)).isRecovered)
        #expect(try merge(from: at(0, ""), top: 0).isRecovered)
    }

    @Test(
        "not recovered, and then without publications",
        arguments: [
            // Another epoch, however well the offsets fit; "_" means that the client has no position.
            (StreamPosition(offset: 2, epoch: "other"), 3...5), (StreamPosition(offset: 0, epoch: "_"), 1...5),
            // The first was trimmed, or expired.
            (StreamPosition(offset: 1, epoch: "e"), 3...5),
            // More than the limit: the read ends before the top.
            (StreamPosition(offset: 1, epoch: "e"), 2...4),
        ] as [(StreamPosition, ClosedRange<UInt64>)])
    func notRecovered(_ from: StreamPosition, _ offsets: ClosedRange<UInt64>) throws {
        let recovery = try merge(from: from, top: 5, read: publications(offsets))
        #expect(recovery.says(isRecovered: false, offset: 5, position: 5))
    }

    @Test("nothing is left although something was missed; or the client is ahead of the stream")
    func nothingLeft() throws {
        #expect(try merge(from: at(2), top: 5).isRecovered == false)
        #expect(try merge(from: at(9), top: 5).isRecovered == false)
    }

    @Test("what was read and arrived live as well is taken once, and what follows is appended")
    func buffered() throws {
        let recovery = try merge(from: at(2), top: 4, read: publications(3...4), buffered: publications(3...6))
        #expect(recovery.publications.map(\.offset) == [3, 4, 5, 6])
        #expect(recovery.position == 6)
        #expect(recovery.offset == 2)
    }

    @Test("live publications that arrived in another order are put in order")
    func bufferedUnordered() throws {
        let recovery = try merge(from: at(4), top: 4, buffered: publications(5...7).reversed())
        #expect(recovery.publications.map(\.offset) == [5, 6, 7])
    }

    @Test("live publications move the position also when no recovery was asked or it failed")
    func bufferedUnrecovered() throws {
        let fresh = try merge(from: nil, top: 4, buffered: publications(4...6))
        #expect(fresh.says(isRecovered: false, offset: 6, position: 6))
        let failed = try merge(from: at(2, "other"), top: 4, buffered: publications(5...5))
        #expect(failed.says(isRecovered: false, offset: 5, position: 5))
    }

    @Test("a gap between what was read and what arrived live is a failure")
    func gap() {
        #expect(throws: Recovery.Failure.gap) { try merge(from: at(4), top: 4, buffered: publications(6...6)) }
        #expect(throws: Recovery.Failure.gap) { try merge(from: nil, top: 4, buffered: publications(6...7)) }
        #expect(throws: Recovery.Failure.gap) {
            try merge(
                from: at(3), top: 4, read: publications(4...4), buffered: publications(5...5) + publications(7...7))
        }
    }

    @Test("cache mode: the newest value, unless the client has it")
    func cache() throws {
        let newest = try merge(from: at(2), top: 5, read: publications(5...5), mode: .cache)
        #expect(newest.isRecovered)
        #expect(newest.publications.map(\.offset) == [5])
        #expect(newest.position == 5)
        let known = try merge(from: at(5), top: 5, read: publications(5...5), mode: .cache)
        #expect(known.isRecovered)
        #expect(known.publications == [])
        // Another epoch does not matter where only the newest counts.
        #expect(try merge(from: at(5, "other"), top: 5, read: publications(5...5), mode: .cache).isRecovered)
    }

    @Test("cache mode: a value that is gone is not recovered")
    func cacheGone() throws {
        let recovery = try merge(from: at(2), top: 5, mode: .cache)
        #expect(recovery.says(isRecovered: false, offset: 5, position: 5))
    }

    @Test("cache mode: a value that arrived live replaces the one that was read")
    func cacheBuffered() throws {
        let recovery = try merge(
            from: at(2), top: 5, read: publications(5...5), buffered: publications(6...7), mode: .cache)
        #expect(recovery.publications.map(\.offset) == [7])
        #expect(recovery.position == 7)
    }

    @Test("cache mode: a client that has the value of another stream under the same offset is given the new one")
    func cacheSameOffset() throws {
        let recovery = try merge(from: at(5, "other"), top: 5, read: publications(5...5), mode: .cache)
        #expect(recovery.publications.map(\.offset) == [5])
    }
}

@Suite("recovery within a subscribe")
struct SessionRecoveryTests {
    private func conversation(_ configure: (inout ChannelOptions) -> Void = { _ in }) throws -> Conversation {
        var talk = Conversation { _, channel in
            channel.withoutNamespace.historySize = 10
            channel.withoutNamespace.historyTTL = 60
            channel.withoutNamespace.forceRecovery = true
            configure(&channel.withoutNamespace)
        }
        try talk.connect()
        return talk
    }

    /// A subscribe from offset 2.
    private func recovering(_ talk: inout Conversation, rejectsUnrecovered: Bool = false) throws -> SubscribeOrder {
        let position = StreamPosition(offset: 2, epoch: "e")
        return try talk.order(
            talk.received(.recover(id: 2, "news", from: position, rejectsUnrecovered: rejectsUnrecovered)))
    }

    @Test("the reply carries what was missed and what arrived while reading")
    func reply() throws {
        var talk = try conversation()
        let order = try recovering(&talk)
        #expect(order.recoverFrom == StreamPosition(offset: 2, epoch: "e"))
        for publication in publications(4...5) {
            talk.session.publicationArrived(publication, generation: order.generation)
        }
        let read = StreamRead(top: StreamPosition(offset: 4, epoch: "e"), publications: publications(3...4))
        let live = try talk.read(order, read)
        let result = try talk.result(live)
        #expect(result.recovered)
        #expect(result.wasRecovering)
        #expect(result.recoverable)
        #expect(result.positioned)
        #expect(result.epoch == "e")
        #expect(result.offset == 2)
        #expect(result.publications.map(\.offset) == [3, 4, 5])
        #expect(live.position == StreamPosition(offset: 5, epoch: "e"))
    }

    @Test("what is gone is said, with the position to go on from")
    func unrecovered() throws {
        var talk = try conversation()
        let order = try recovering(&talk)
        let result = try talk.result(talk.read(order, StreamRead(top: StreamPosition(offset: 9, epoch: "e"))))
        #expect(result.recovered == false)
        #expect(result.wasRecovering)
        #expect(result.offset == 9)
        #expect(result.publications == [])
    }

    @Test("a client that asked for it gets 112 instead, and everything is undone")
    func rejected() throws {
        var talk = try conversation()
        let order = try recovering(&talk, rejectsUnrecovered: true)
        let completion = talk.attached(order, StreamRead(top: StreamPosition(offset: 9, epoch: "e")))
        let reply = Reply(id: 2, result: .error(.unrecoverablePosition))
        #expect(completion == .refused(.ordered(order), reply))
        #expect(talk.session.channelCount == 0)
    }

    @Test("a gap while reading ends the connection with 3010")
    func gap() throws {
        var talk = try conversation()
        let order = try recovering(&talk)
        talk.session.publicationArrived(publications(6...6)[0], generation: order.generation)
        let read = StreamRead(top: StreamPosition(offset: 4, epoch: "e"), publications: publications(3...4))
        #expect(talk.attached(order, read) == .disconnect(.insufficientState))
        #expect(talk.session.close().map(\.channel) == ["news"])
    }

    @Test("where recovery is not granted the wish is passed over")
    func notGranted() throws {
        var talk = try conversation { $0.forceRecovery = false }
        let order = try recovering(&talk)
        #expect(order.recoverFrom == nil)
        #expect(order.flags == [])
    }

    @Test("automatic cache recovery: the first subscribe is one")
    func autoCache() throws {
        var talk = Conversation { _, channel in
            channel.withoutNamespace.historySize = 1
            channel.withoutNamespace.historyTTL = 60
            channel.withoutNamespace.forceRecovery = true
            channel.withoutNamespace.recoveryMode = .cache
            channel.withoutNamespace.autoCacheRecover = true
        }
        try talk.connect()
        let order = try talk.order(talk.received(.subscribe(id: 2, "news")))
        #expect(order.recoverFrom == StreamPosition())
        let read = StreamRead(top: StreamPosition(offset: 9, epoch: "e"), publications: publications(9...9))
        let result = try talk.result(talk.read(order, read))
        #expect(result.recovered)
        #expect(result.publications.map(\.offset) == [9])
    }
}
