import PharosDomain
import Testing

@testable import PharosChannels

@Suite("members of other nodes")
struct ForeignMembersTests {
    private func info(_ node: UInt64, _ number: UInt64) -> ClientInfo {
        ClientInfo(user: "u", client: ClientID(high: node << 40, low: number).name)
    }

    @Test("members of a dead node leave once, and a leave that comes later is a repeat")
    func death() {
        var members = ForeignMembers()
        let got1 = members.compare([info(1, 1), info(2, 1)], isPartial: false)
        #expect(got1 == [])
        let got2 = members.reported(.join(info(1, 2)))
        #expect(got2)
        let got3 = members.remove(of: [1])
        #expect(got3 == [.leave(info(1, 1)), .leave(info(1, 2))])
        let got4 = members.remove(of: [1])
        #expect(got4 == [])
        let got5 = members.reported(.leave(info(1, 1)))
        #expect(!got5)
        let got6 = members.reported(.leave(info(2, 1)))
        #expect(got6)
        let got7 = members.reported(.leave(info(2, 1)))
        #expect(!got7)
    }

    @Test("a node that comes back brings its members once")
    func back() {
        var members = ForeignMembers()
        _ = members.compare([info(1, 1)], isPartial: false)
        _ = members.remove(of: [1])
        let got8 = members.compare([info(1, 1)], isPartial: false)
        #expect(got8 == [.join(info(1, 1))])
        let got9 = members.compare([info(1, 1)], isPartial: false)
        #expect(got9 == [])
    }

    @Test("an answer that lacks a node's part takes nobody for gone")
    func partial() {
        var members = ForeignMembers()
        _ = members.compare([info(1, 1), info(2, 1)], isPartial: false)
        let got10 = members.compare([info(2, 1), info(2, 2)], isPartial: true)
        #expect(got10 == [.join(info(2, 2))])
        let got11 = members.compare([info(2, 1)], isPartial: false)
        #expect(got11.count == 2)
    }

    @Test("before all members are known a leave is told, whoever it is")
    func unknown() {
        var members = ForeignMembers()
        let got12 = members.reported(.leave(info(1, 1)))
        #expect(got12)
        let got13 = members.compare([], isPartial: true)
        #expect(got13 == [])
        let got14 = members.reported(.leave(info(1, 1)))
        #expect(got14)
    }

    @Test("what is reported while all are asked for is newer than the answer")
    func reportedMeanwhile() {
        var members = ForeignMembers()
        members.asked()
        _ = members.reported(.join(info(1, 1)))
        let first = members.compare([], isPartial: false)
        #expect(first == [])
        let left = members.remove(of: [1])
        #expect(left == [.leave(info(1, 1))])
        members.asked()
        _ = members.reported(.join(info(2, 1)))
        _ = members.reported(.leave(info(2, 1)))
        let second = members.compare([info(2, 1)], isPartial: false)
        #expect(second == [])
        members.asked()
        let third = members.compare([info(2, 1)], isPartial: false)
        #expect(third == [.join(info(2, 1))])
    }
}
