import PharosTestKit
import Testing

@testable import PharosDomain

@Suite("what a token covers")
struct TokenCoverageTests {
    private func claims(_ channel: ChannelName, _ user: UserID, _ client: ClientName? = nil) -> SubscriptionClaims {
        var claims = SubscriptionClaims()
        (claims.channel, claims.user, claims.client) = (channel, user, client)
        return claims
    }

    @Test("a channel's token names the channel and the user; a client that it names must be this one")
    func channel() throws {
        var talk = Conversation()
        try talk.connect(as: "ann")
        for (claims, isCovered) in [
            (claims("news", "ann"), true), (claims("news", "ann", Conversation.client.name), true),
            (claims("news", "ann", "other"), false), (claims("news", "ann", ""), false),
            (claims("sport", "ann"), false),
            (claims("", "ann"), false), (claims("news", "bob"), false), (claims("news", ""), false),
        ] {
            #expect(talk.session.isCovered(.channel("news", claims)) == isCovered)
        }
    }

    @Test("a connection is prolonged for its own user alone; at the connect the token says who that is")
    func connection() throws {
        var talk = Conversation()
        try talk.connect(as: "ann")
        #expect(talk.session.isCovered(.refresh(ConnectionClaims(user: "ann"))) == true)
        #expect(talk.session.isCovered(.refresh(ConnectionClaims(user: "bob"))) == false)
        #expect(talk.session.isCovered(.connect(ConnectionClaims(user: "bob"))) == true)
    }
}
