import Testing

@testable import PharosRedis

@Suite("Redis Cluster: slots and tags")
struct ClusterTests {
    @Test("the check value of CRC-16/XMODEM")
    func checkValue() {
        #expect(CRC16.checksum("123456789".utf8) == 0x31C3)
        #expect(CRC16.checksum([]) == 0)
    }

    @Test(
        "the examples of the specification for hash tags",
        arguments: [
            ("{user1000}.following", "user1000"), ("{user1000}.followers", "user1000"), ("foo{}{bar}", "foo{}{bar}"),
            ("foo{{bar}}zap", "{bar"), ("foo{bar}{zap}", "bar"), ("{", "{"), ("}{", "}{"), ("", ""), ("a}b{c}", "c"),
        ])
    func hashTags(key: String, tag: String) {
        #expect(ClusterSlots.hashed(Array(key.utf8)).elementsEqual(tag.utf8))
    }

    @Test("slots are those of a real server")
    func recordedSlots() throws {
        var key: [UInt8]?
        var count = 0
        for line in Transcript("cluster-down").lines {
            switch line {
            case .sent(let bytes):
                let words = try Parsed(CollectionOfOne(bytes[...])).values[0].elements().map { try $0.bytes() }
                key = words.count == 3 && words[1].elementsEqual("KEYSLOT".utf8) ? words[2] : nil
            case .received(_, let notation):
                guard let key else { continue }
                #expect(notation == ":\(ClusterSlots.slot(of: key))", "\(Escapes.text(key))")
                count += 1
            }
        }
        #expect(count == 54)
    }

    @Test(
        "tags are one in the middle of each range of slots", arguments: [1, 2, 3, 16, 100, 128, 1_000, 10_000, 16_384])
    func spread(count: Int) {
        let tags = ClusterTags.search(count: count)
        let slots = tags.map { ClusterSlots.slot(of: "{\($0)}") }
        #expect(slots == slots.sorted())
        #expect(slots.map { $0 * count / ClusterSlots.count } == Array(0..<count))
        #expect(tags.allSatisfy { $0.utf8.count <= 4 })
        let ideal = Double(ClusterSlots.count) / Double(count)
        let gaps = zip(slots.dropFirst(), slots).map { Double($0 - $1) }
        #expect(gaps.allSatisfy { $0 >= ideal / 2 - 2 && $0 <= ideal * 1.5 + 2 })
    }

    @Test("128 tags over any number of nodes: the shares differ by two at most; those of 0 to 127 by far more")
    func shares() {
        let tags = ClusterTags.search(count: 128)
        #expect(tags.allSatisfy { $0.utf8.count <= 2 })
        var naiveWorst = 0
        for nodes in 1...64 {
            let shares = shares(of: tags, nodes: nodes)
            let difference = (shares.max() ?? 0) - (shares.min() ?? 0)
            #expect(difference <= (128 % nodes == 0 ? 0 : 2), "\(nodes) nodes: \(shares)")
            let naive = self.shares(of: (0..<128).map { "\($0)" }, nodes: nodes)
            naiveWorst = max(naiveWorst, (naive.max() ?? 0) - (naive.min() ?? 0))
        }
        #expect(naiveWorst > 8)
        #expect(shares(of: tags, nodes: 6) == [22, 21, 21, 21, 22, 21])
    }

    @Test("the tags of a count never change, since stored keys have them")
    func stability() {
        #expect(ClusterTags.search(count: 8) == ["03", "b", "02", "c", "01", "d", "00", "a"])
        #expect(CRC16.checksum(ClusterTags.search(count: 128).joined(separator: ",").utf8) == 34_036)
        #expect(CRC16.checksum(ClusterTags.search(count: 1_024).joined(separator: ",").utf8) == 53_083)
    }

    private func shares(of tags: [String], nodes: Int) -> [Int] {
        var shares = [Int](repeating: 0, count: nodes)
        for tag in tags { shares[ClusterSlots.slot(of: "{\(tag)}") * nodes / ClusterSlots.count] += 1 }
        return shares
    }
}
