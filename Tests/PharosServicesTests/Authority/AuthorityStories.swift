import Foundation
import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// The permissions that a client which comes back with its key still has.
    @Suite("the life of a session's authority")
    struct Authority {
        typealias End = AuthorityTable.End
        typealias Proof = AuthorityTable.Proof

        private static func settings(_ setting: End.Setting, _ settings: inout ServerSettings) {
            settings.openEverything(sessionTTL: 60)
            settings.client.allowAnonymousConnectWithoutToken = false
            settings.client.expiredCloseDelay = setting == .strict ? 0 : 60
            settings.client.expiredSubCloseDelay = setting == .strict ? 0 : 60
            settings.client.singleConnection = setting == .single
        }

        /// One cell of the table, for one pair of transports.
        ///
        /// A session is left by the one, and its client returns by the other.
        private struct Cell: Sendable {
            let scene: StoryServer
            let end: End
            let left: SessionTransport
            let back: SessionTransport
            let number: Int
            let key = SessionKeys.make()

            private var user: UserID { "user-\(number)" }

            /// The session's life up to its client's return; what is there if it still stands.
            func begin() async throws -> ReturningPeer {
                let verifier = scene.server.verifier
                verifier.setConnection("first-\(number)") {
                    $0.user = user
                    // Far in the future: only what the cell is about ends it.
                    $0.expireAt = 4_000_000_000
                    if end == .expired { $0.expireAt = 1 }
                    // Over, and not for as long as it may be refreshed.
                    if end == .inGrace { $0.expireAt = Int64(Date().timeIntervalSince1970) - 1 }
                    for channel in ["log:a", "log:b"] as [ChannelName] {
                        $0.subscriptions[channel] = SubscriptionOptions()
                    }
                    if end == .subscriptionOver || end == .subscriptionOverAway {
                        $0.subscriptions["log:a"]!.expireAt = 1
                    }
                }
                let (outcome, peer) = try ReturningPeer.come(scene, left, key: key, token: "first-\(number)")
                #expect(outcome == .all, "\(self)")
                return try #require(peer)
            }

            private func away(_ peer: ReturningPeer, _ calls: (String, String)...) async throws {
                peer.cut()
                try await gone()
                for (method, body) in calls { try await call(method, body) }
            }

            private func gone() async throws {
                // A polled session is not known to have gone before it was not polled for long: it still stands.
                guard left != .over(.poll) else { return }
                try await until { await !scene.server.call("connections", #"{"user":"\#(user)"}"#).contains("\(user)") }
            }

            private func call(_ method: String, _ body: String) async throws {
                #expect(await scene.server.call(method, body).hasPrefix(#"{"result":"#), "\(self)")
            }

            private func ends(_ peer: ReturningPeer, _ code: UInt32) throws {
                let received = try peer.ending()
                #expect(received == nil || received == code, "\(self)")
            }

            /// Ends the session, or changes it, as the row says.
            func end(_ peer: ReturningPeer) async throws {
                let byUser = #"{"user":"\#(user)""#
                switch end {
                case .live, .inGrace: break
                case .cut, .subscriptionOverAway: try await away(peer)
                case .comeBack:
                    try await call("disconnect", byUser + #","disconnect":{"code":4000,"reason":"come back"}}"#)
                    try ends(peer, 4000)
                case .unsubscribed:
                    try await call("unsubscribe", byUser + #","channel":"log:a"}"#)
                    peer.cut()
                case .unsubscribedAway: try await away(peer, ("unsubscribe", byUser + #","channel":"log:a"}"#))
                case .subscriptionOver: try ends(peer, 3006)
                case .expired: try ends(peer, 3005)
                case .expiredAway, .refreshedToPastAway:
                    // Both are an end that has passed when the client returns.
                    try await away(peer, ("refresh", byUser + #","expire_at":1}"#))
                case .refreshedToPast:
                    try await call("refresh", byUser + #","expire_at":1}"#)
                    try ends(peer, 3005)
                case .expiredByAPI:
                    try await call("refresh", byUser + #","expired":true}"#)
                    try ends(peer, 3005)
                case .expiredByAPIAway: try await away(peer, ("refresh", byUser + #","expired":true}"#))
                case .staleRefresh:
                    try peer.refresh(token: "expired")
                    try ends(peer, 3005)
                case .disconnectedAsExpired:
                    try await call("disconnect", byUser + #","disconnect":{"code":3005,"reason":"over"}}"#)
                    try ends(peer, 3005)
                case .sentAway:
                    try await call("disconnect", byUser + "}")
                    try ends(peer, 3503)
                case .sentAwayAway: try await away(peer, ("disconnect", byUser + "}"))
                case .sentAwayByKey: try await away(peer, ("disconnect", #"{"session":"\#(key)"}"#))
                case .sentAwayByClient:
                    try await away(peer, ("disconnect", byUser + #","client":"\#(peer.clientID ?? "")"}"#))
                case .forgedRefresh:
                    try peer.refresh(token: "forged")
                    try ends(peer, 3500)
                case .badRequest:
                    try peer.breakProtocol()
                    try ends(peer, 3501)
                case .newerOfUser:
                    let newer = try scene.client(.json)
                    try newer.connect(token: "\(user)")
                    try ends(peer, 3504)
                    newer.cut()
                }
            }

            /// The return, and what it leaves of a session that still stands.
            func comeBack(_ proof: Proof, _ peer: ReturningPeer) async throws {
                let expected = end.outcome(proof)
                let token =
                    switch proof {
                    case .key: ""
                    case .token: "\(user)"
                    case .foreignToken: "other-\(number)"
                    case .expiredToken: "expired"
                    }
                let (outcome, again) = try ReturningPeer.come(scene, back, key: key, token: token)
                #expect(outcome == expected, "\(self) with \(proof.title)")
                if end.isLive {
                    if again == nil {
                        // Who is refused leaves the owner alone.
                        await scene.publish("log:b", "\"still \(number)\"")
                        try peer.hear("\"still \(number)\"")
                    } else if left != .over(.poll) {
                        try ends(peer, 3503)
                    }
                }
                if let again, case .back(let channels) = outcome {
                    for channel in channels {
                        await scene.publish(ChannelName(channel), "\"for \(number) in \(channel)\"")
                        try again.hear("\"for \(number) in \(channel)\"")
                    }
                }
                again?.cut()
                peer.cut()
                for name in [user, "other-\(number)"] { try await call("disconnect", #"{"user":"\#(name)"}"#) }
            }
        }

        @Test("every end, by every way to return, over every pair of transports", arguments: End.allCases)
        func cells(_ end: End) async throws {
            try await play(StorySetting(shards: 2), { Self.settings(end.setting, &$0) }) { scene in
                var number = 0
                for left in SessionTransport.all where left != .events || !end.needsCommands {
                    for back in SessionTransport.all {
                        for proof in Proof.allCases {
                            number += 1
                            let cell = Cell(scene: scene, end: end, left: left, back: back, number: number)
                            let peer = try await cell.begin()
                            try await cell.end(peer)
                            try await cell.comeBack(proof, peer)
                        }
                    }
                }
            }
        }

        @Test("the documentation shows this table")
        func documented() throws {
            let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs/sessions.md")
            let text = try String(contentsOf: page, encoding: .utf8)
            #expect(text.contains(AuthorityTable.markdown), "\(AuthorityTable.markdown)")
        }
    }
}
