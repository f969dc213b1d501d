import PharosBytes
import PharosCluster
import Testing

@Suite struct EngineRoundTests {
    private let batches = Locked<[EngineBatch]>([])
    private var round: EngineRound {
        EngineRound { [batches] batch in batches.withLock { $0.append(batch) } }
    }
    private var sizes: [Int] { batches.withLock { $0.map(\.publications) } }

    @Test("a round is over when all were sent and all have ended, in either order")
    func over() {
        let (first, second) = (round, round)
        first.add()
        first.add()
        first.end(isAnswered: true)
        first.seal()
        #expect(sizes == [])
        first.end(isAnswered: true)
        #expect(sizes == [2])
        second.add()
        second.end(isAnswered: true)
        #expect(sizes == [2])
        second.seal()
        #expect(sizes == [2, 1])
        #expect(batches.withLock { $0.allSatisfy { $0.nanoseconds >= 0 } })
    }

    @Test("what was refused does not count, and a round of nothing is none")
    func refused() {
        let (mixed, failed, empty) = (round, round, round)
        for _ in 0..<3 { mixed.add() }
        failed.add()
        for each in [mixed, failed, empty] { each.seal() }
        mixed.end(isAnswered: true)
        mixed.end(isAnswered: false)
        mixed.end(isAnswered: true)
        failed.end(isAnswered: false)
        #expect(sizes == [2])
    }
}
