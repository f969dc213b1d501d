import PharosDomain
import PharosMemory
import Testing

@Suite("presence in memory")
struct MemoryPresenceStoreTests {
    private func ann(_ client: ClientName) -> ClientInfo { ClientInfo(user: "ann", client: client) }
    private func bob(_ client: ClientName) -> ClientInfo { ClientInfo(user: "bob", client: client) }

    @Test("members by client, users counted once")
    func members() {
        var presence = MemoryPresenceStore()
        presence.add(ann("1"), to: "room")
        presence.add(ann("2"), to: "room")
        presence.add(bob("3"), to: "room")
        #expect(presence.members(of: "room") == ["1": ann("1"), "2": ann("2"), "3": bob("3")])
        #expect(presence.stats(of: "room") == (clients: 3, users: 2))
        presence.remove(client: "1", from: "room")
        #expect(presence.stats(of: "room") == (clients: 2, users: 2))
        presence.remove(client: "2", from: "room")
        #expect(presence.stats(of: "room") == (clients: 1, users: 1))
    }

    @Test("the same client twice is one member, with its newest information")
    func again() {
        var presence = MemoryPresenceStore()
        var info = ann("1")
        presence.add(info, to: "room")
        info.channelInfo = [1]
        presence.add(info, to: "room")
        #expect(presence.members(of: "room") == ["1": info])
        #expect(presence.stats(of: "room") == (clients: 1, users: 1))
        presence.remove(client: "1", from: "room")
        #expect(presence.stats(of: "room") == (clients: 0, users: 0))
    }

    @Test("anonymous clients share the empty user")
    func anonymous() {
        var presence = MemoryPresenceStore()
        presence.add(ClientInfo(user: "", client: "1"), to: "room")
        presence.add(ClientInfo(user: "", client: "2"), to: "room")
        #expect(presence.stats(of: "room") == (clients: 2, users: 1))
    }

    @Test("removing what is not there changes nothing; the last member takes the channel along")
    func removal() {
        var presence = MemoryPresenceStore()
        presence.remove(client: "1", from: "room")
        presence.add(ann("1"), to: "room")
        presence.remove(client: "2", from: "room")
        presence.remove(client: "1", from: "other")
        #expect(presence.channelCount == 1)
        presence.remove(client: "1", from: "room")
        presence.remove(client: "1", from: "room")
        #expect(presence.channelCount == 0)
        #expect(presence.members(of: "room") == [:])
        #expect(presence.stats(of: "room") == (clients: 0, users: 0))
    }
}
