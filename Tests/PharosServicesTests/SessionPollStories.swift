import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// `/connection/poll`, request by request.
    @Suite("long polls with a session")
    struct SessionPolls {
        private struct Peer {
            let scene: StoryServer
            let path: String

            init(_ scene: StoryServer, key: String = SessionKeys.make()) {
                self.scene = scene
                path = "/connection/poll?session=\(key)"
            }

            func post(_ body: String, cursor: String? = nil) throws -> PollAnswer {
                try answer(scene.ask(path + Peer.text(cursor), method: "POST", body: body))
            }

            func get(cursor: String?, wait: Int = 60) throws -> PollAnswer {
                try answer(scene.ask(path + Peer.text(cursor) + "&wait=\(wait)"))
            }

            /// A request whose answer is read later.
            func begin(cursor: String) async throws -> HTTPLink {
                let http = try scene.http()
                try http.link.send(HTTPLink.request(path + Peer.text(cursor) + "&wait=60", method: "GET"))
                await scene.settle()
                return http
            }

            private func answer(_ answer: (status: Int, body: String, headers: [String: String])) throws -> PollAnswer {
                guard answer.status == 200 else { throw TestClient.Failure.refused(status: answer.status) }
                return try #require(PollAnswer(answer.body))
            }

            private static func text(_ cursor: String?) -> String { cursor.map { "&cursor=\($0)" } ?? "" }
        }

        private static let connect = #"{"id":1,"connect":{}}"#
        private static let both = connect + "\n" + #"{"id":2,"subscribe":{"channel":"log:a"}}"#

        /// A session with a subscription, and its cursor.
        private func subscribed(_ scene: StoryServer) throws -> (peer: Peer, cursor: String) {
            let peer = Peer(scene)
            var answer = try peer.post(SessionPolls.both)
            var messages = answer.messages
            while messages.count < 2 {
                answer = try peer.get(cursor: answer.cursor)
                messages += answer.messages
            }
            #expect(messages[1].hasPrefix(#"{"id":2,"subscribe":{"#))
            return (peer, answer.cursor)
        }

        @Test("the same cursor brings the same messages, a newer one what comes after")
        func again() async throws {
            try await playTogether(StorySetting.all, { $0.openEverything() }) { scene async throws in
                let (peer, start) = try subscribed(scene)
                await scene.publish("log:a", "1")
                let first = try peer.get(cursor: start)
                #expect(first.messages.count == 1)
                await scene.publish("log:a", "2")
                for _ in 0..<3 { #expect(try peer.get(cursor: start) == first) }
                let second = try peer.get(cursor: first.cursor)
                #expect(second.messages.count == 1)
                #expect(second.messages[0].contains("\"offset\":2"))
                // What was acknowledged is gone.
                #expect(throws: TestClient.Failure.refused(status: 409)) { try peer.get(cursor: start) }
                // A number of another session.
                #expect(throws: TestClient.Failure.refused(status: 404)) { try peer.get(cursor: "999999") }
                #expect(try peer.get(cursor: second.cursor, wait: 0).messages == [])
            }
        }

        @Test("a newer poll ends the older, which loses nothing")
        func newer() async throws {
            try await playTogether(StorySetting.all, { $0.openEverything() }) { scene async throws in
                let (peer, cursor) = try subscribed(scene)
                var older = try await peer.begin(cursor: cursor)
                for _ in 0..<5 {
                    let newer = try await peer.begin(cursor: cursor)
                    #expect(try older.response().status == 409)
                    older = newer
                }
                await scene.publish("log:a", "1")
                let answer = try #require(PollAnswer(older.response().body))
                #expect(answer.messages.count == 1)
                // A poll that is cut has lost nothing either.
                let cut = try await peer.begin(cursor: answer.cursor)
                cut.link.close()
                await scene.publish("log:a", "2")
                #expect(try peer.get(cursor: answer.cursor).messages.count == 1)
            }
        }

        @Test("an unknown session is 404, and so is one that was not polled in time")
        func unknown() async throws {
            try await playTogether(StorySetting.pairs, { $0.openEverything(sessionTTL: 1) }) { scene async throws in
                let stranger = Peer(scene)
                #expect(throws: TestClient.Failure.refused(status: 404)) { try stranger.get(cursor: nil) }
                #expect(throws: TestClient.Failure.refused(status: 404)) { try stranger.get(cursor: "0") }
                #expect(throws: TestClient.Failure.refused(status: 404)) {
                    try stranger.post(#"{"id":2,"history":{"channel":"log:a"}}"#, cursor: "17")
                }
                for key in ["", "short", String(repeating: "x", count: 65), "aaaaaaaaaaaaaaaaaaaaaaaaaaa%20"] {
                    #expect(throws: TestClient.Failure.refused(status: 400)) {
                        try Peer(scene, key: key).post(SessionPolls.connect)
                    }
                }
                let (peer, cursor) = try subscribed(scene)
                // A poll that is cut does not keep it for as long as it would have waited.
                try await peer.begin(cursor: cursor).link.close()
                try await until { await scene.server.group.counters().currentClients == 0 }
                #expect(throws: TestClient.Failure.refused(status: 404)) { try peer.get(cursor: cursor) }
            }
        }

        @Test("the last words wait for the next poll, and are brought again like all others")
        func lastWords() async throws {
            try await playTogether(StorySetting.all, { $0.openEverything() }) { scene async throws in
                let peer = Peer(scene)
                let connected = try peer.post(#"{"id":1,"connect":{"token":"ann"}}"#)
                await scene.server.call("disconnect", #"{"user":"ann"}"#)
                let last = try peer.get(cursor: connected.cursor)
                #expect(last.messages.count == 1)
                #expect(last.messages[0].hasPrefix(#"{"push":{"disconnect":{"code":3503"#))
                #expect(try peer.get(cursor: connected.cursor) == last)
                #expect(throws: TestClient.Failure.refused(status: 404)) { try peer.get(cursor: last.cursor) }
                // The key may begin anew.
                let anew = try peer.post(#"{"id":1,"connect":{"token":"ann"}}"#)
                #expect(anew.messages.count == 1)
                #expect(anew.messages[0].hasPrefix(#"{"id":1,"connect":{"#))
            }
        }

        @Test("commands for a session that is over are not carried out, and bring its last words")
        func commandsAfterTheEnd() async throws {
            try await playTogether(StorySetting.all, { $0.openEverything() }) { scene async throws in
                let peer = Peer(scene)
                let connected = try peer.post(#"{"id":1,"connect":{"token":"ann"}}"#)
                await scene.server.call("disconnect", #"{"user":"ann"}"#)
                let publish = #"{"id":2,"publish":{"channel":"log:a","data":1}}"#
                let last = try peer.post(publish, cursor: connected.cursor)
                #expect(last.messages.count == 1)
                #expect(last.messages[0].hasPrefix(#"{"push":{"disconnect":{"code":3503"#))
                #expect(throws: TestClient.Failure.refused(status: 404)) {
                    try peer.post(publish, cursor: last.cursor)
                }
                let history = await scene.server.call("history", #"{"channel":"log:a"}"#)
                #expect(!history.contains("\"offset\":1"))
            }
        }

        @Test("a long backlog comes in several answers, none of them too long")
        func backlog() async throws {
            try await playTogether(StorySetting.pairs, { $0.openEverything() }) { scene async throws in
                let (peer, start) = try subscribed(scene)
                let data = "\"" + String(repeating: "x", count: 10_000) + "\""
                for _ in 0..<60 { await scene.publish("log:a", data) }
                var cursor = start
                var next: UInt64 = 1
                while next <= 60 {
                    let answer = try peer.get(cursor: cursor)
                    #expect(answer.messages.reduce(0) { $0 + $1.utf8.count } <= 262_144)
                    for message in answer.messages {
                        #expect(number("offset", in: message) == next)
                        next += 1
                    }
                    cursor = answer.cursor
                }
            }
        }
    }
}
