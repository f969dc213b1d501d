import Testing

@testable import PharosTLS

/// Plaintext in, plaintext out: sizes, rooms, slices, the end.
@Suite struct DataTests {
    let pair: TLSPair

    init() throws {
        let certificates = try Certificates.shared.get()
        pair = try TLSPair(server: try certificates.server("ecdsa"), client: try certificates.client())
        pair.run()
        try #require(pair.isEstablished)
    }

    private func pattern(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) } }

    @Test(arguments: [0, 1, 16_383, 16_384, 16_385, 3_000_001]) func everySizeArrives(count: Int) throws {
        let bytes = pattern(count)
        #expect(pair.client.send(bytes))
        let wire = pair.client.take()
        let records = (count + TLSSession.recordSize - 1) / TLSSession.recordSize
        #expect(wire.count <= count + records * TLSSession.recordOverhead)
        pair.server.receive(wire)
        #expect(pair.server.received == bytes)
        #expect(pair.server.send(bytes))
        pair.run(piece: 40_000)
        #expect(pair.client.received == bytes)
    }

    @Test(arguments: [1, 10, 16_383, 16_384, 20_000]) func littleRoomOnlyTakesMoreCalls(room: Int) throws {
        let bytes = pattern(room == 1 ? 20_000 : 100_000)
        pair.server.room = room
        #expect(pair.client.send(bytes))
        pair.server.receive(pair.client.take())
        #expect(pair.server.received == bytes)
        #expect(pair.server.status == .open)
    }

    @Test func roomForInputAndOneRecordTakesEverythingAtOnce() throws {
        let wire = pattern(60_000)
        #expect(pair.client.send(wire))
        let ciphertext = pair.client.take()
        var output = TLSOutput()
        var rest = ciphertext[...]
        var count = 0
        while !rest.isEmpty {
            let piece = Array(rest.prefix(9_999))
            let progress = pair.server.receiveOnce(piece, room: piece.count + TLSSession.recordSize, &output)
            #expect(progress.consumed == piece.count)
            #expect(progress.status == .open)
            count += progress.produced
            rest = rest.dropFirst(piece.count)
        }
        #expect(count == wire.count)
    }

    @Test func smallSlicesShareARecord() throws {
        let parts = (0..<64).map { [UInt8](repeating: UInt8($0), count: 10) }
        #expect(pair.server.send(slices: parts))
        let wire = pair.server.take()
        #expect(wire.count <= 640 + TLSSession.recordOverhead)
        pair.client.receive(wire)
        #expect(pair.client.received == parts.flatMap { $0 })
    }

    @Test(arguments: [[16_384, 1], [1, 16_384], [5, 40_000, 7], [16_000, 16_000, 16_000], [0, 0, 3, 0], [0], []])
    func slicesOfEverySizeArriveInOrder(counts: [Int]) throws {
        let parts = counts.enumerated().map { index, count in pattern(count + index).suffix(count).map { $0 } }
        #expect(pair.server.send(slices: parts))
        pair.run()
        #expect(pair.client.received == parts.flatMap { $0 })
    }

    @Test func theEndIsSaidOnBothSides() throws {
        #expect(pair.client.send("last words"))
        pair.client.close()
        pair.server.receive(pair.client.take())
        #expect(pair.server.text == "last words")
        #expect(pair.server.status == .closed)
        // Bytes behind the end are thrown away.
        pair.server.receive([1, 2, 3])
        #expect(pair.server.status == .closed)
        #expect(pair.server.send("answer"))
        pair.server.close()
        pair.client.receive(pair.server.take())
        #expect(pair.client.text == "answer")
        #expect(pair.client.status == .closed)
    }

    @Test func noEndIsSaidWithoutAHandshake() throws {
        let side = try #require(TLSSide(accepting: try Certificates.shared.get().server("ecdsa")))
        side.close()
        #expect(!side.hasOutput)
    }

    @Test func outputGivesBackMemoryThatOnlyMuchNeeded() throws {
        #expect(pair.server.send(pattern(2_000_000)))
        pair.run()
        #expect(pair.server.outputCapacity == 0)
        #expect(pair.server.send("little"))
        pair.run()
        #expect(pair.server.outputCapacity > 0)
        #expect(pair.server.outputCapacity <= TLSOutput.keptLimit)
    }
}
