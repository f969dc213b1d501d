import PharosDomain
import Testing

@Suite("channel names")
struct ChannelRulesTests {
    private func rules(_ configure: (inout ChannelSettings) -> Void = { _ in }) -> ChannelRules {
        var settings = ChannelSettings()
        settings.namespaces = ["chat", "news"].map { ChannelNamespace(name: $0, options: ChannelOptions()) }
        configure(&settings)
        return ChannelRules(settings)
    }

    @Test("the namespace is the text before the first boundary")
    func namespaces() throws {
        let rules = rules()
        #expect(try rules.resolve("room").namespace == -1)
        #expect(try rules.resolve("chat:room").namespace == 0)
        #expect(try rules.resolve("news:a:b").namespace == 1)
        #expect(try rules.resolve("chat:").namespace == 0)
        #expect(throws: ReplyError.unknownChannel) { try rules.resolve("other:room") }
        #expect(throws: ReplyError.unknownChannel) { try rules.resolve(":room") }
        #expect(throws: ReplyError.badRequest) { try rules.resolve("") }
    }

    @Test("the boundary may be longer than one byte, or empty: then there are no namespaces")
    func boundary() throws {
        let long = rules { $0.namespaceBoundary = "::" }
        #expect(try long.resolve("chat::room").namespace == 0)
        #expect(try long.resolve("chat:room").namespace == -1)
        let none = rules { $0.namespaceBoundary = "" }
        #expect(try none.resolve("other:room").namespace == -1)
    }

    @Test("a private channel's prefix stands before its namespace")
    func privatePrefix() throws {
        let rules = rules()
        #expect(rules.isPrivate("$room"))
        #expect(rules.isPrivate("$chat:room"))
        #expect(!rules.isPrivate("chat:$room"))
        #expect(try rules.resolve("$chat:room").namespace == 0)
        #expect(!self.rules { $0.privatePrefix = "" }.isPrivate("$room"))
    }

    @Test("a mark that combines with a boundary, a prefix or a separator is a part of what follows")
    func combiningMarks() throws {
        let rules = rules()
        #expect(try rules.resolve("chat:\u{301}room").namespace == 0)
        #expect(rules.isPrivate("$\u{301}chat:room"))
        #expect(throws: ReplyError.unknownChannel) { try rules.resolve("$\u{301}chat:room") }
        #expect(rules.listedUsers("room#\u{301}ann,\u{301}bob") == ["\u{301}ann", "\u{301}bob"])
        #expect(self.rules { $0.userSeparator = "||" }.listedUsers("room#a||b|c") == ["a", "b|c"])
        #expect(self.rules { $0.userSeparator = "" }.listedUsers("room#a,b") == ["a,b"])
    }

    @Test("a user id that holds the separator is no entry of a list, and has no personal channel that others may read")
    func separatorInUser() {
        let rules = rules()
        #expect(rules.personalChannel(user: "ann", namespace: "") == "#ann")
        #expect(rules.personalChannel(user: "a#b", namespace: "chat") == "chat:#a#b")
        #expect(rules.personalChannel(user: "a,b", namespace: "") == nil)
        #expect(rules.listedUsers("room#a,b")?.contains("a,b") == false)
        // Nor where the name would be another namespace's, or none that there can be.
        #expect(rules.personalChannel(user: "a:b", namespace: "") == nil)
        #expect(rules.personalChannel(user: "a:b", namespace: "chat") == "chat:#a:b")
        #expect(rules.personalChannel(user: UserID(String(repeating: "x", count: 255)), namespace: "") == nil)
        #expect(
            self.rules { $0.withoutNamespace.channelRegex = "#[0-9]+" }.personalChannel(user: "x", namespace: "") == nil
        )
    }

    @Test("a namespace, and a pattern for the part after it, are found by their bytes and scalars")
    func bytes() throws {
        let rules = rules {
            $0.namespaces.append(ChannelNamespace(name: "K", options: ChannelOptions()))
            $0.namespaces[0].options.channelRegex = "^Kate.$"
        }
        #expect(try rules.resolve("K:a").namespace == 2)
        #expect(throws: ReplyError.unknownChannel) { try rules.resolve("\u{212A}:a") }
        #expect(try rules.resolve("chat:Kate1").namespace == 0)
        #expect(throws: ReplyError.badRequest) { try rules.resolve("chat:\u{212A}ate1") }
        #expect(throws: ReplyError.badRequest) { try rules.resolve("chat:Katee\u{301}") }
    }

    @Test("the length is counted in bytes")
    func length() throws {
        let rules = rules { $0.maxLength = 6 }
        _ = try rules.resolve("äöü")
        #expect(throws: ReplyError.badRequest) { try rules.resolve("äöüa") }
    }

    @Test("the pattern describes all of the part after the namespace")
    func pattern() throws {
        let rules = rules {
            $0.namespaces[0].options.channelRegex = "^[a-z]+$"
            $0.withoutNamespace.channelRegex = "room[0-9]"
        }
        _ = try rules.resolve("chat:room")
        _ = try rules.resolve("room1")
        _ = try rules.resolve("news:ANY thing")
        for name: ChannelName in ["chat:Room", "chat:room1", "chat:", "room12", "aroom1", "chat:room\n"] {
            #expect(throws: ReplyError.badRequest) { try rules.resolve(name) }
        }
    }

    @Test("a pattern that does not compile matches nothing")
    func brokenPattern() {
        let rules = rules { $0.withoutNamespace.channelRegex = "(" }
        #expect(throws: ReplyError.badRequest) { try rules.resolve("room") }
    }

    @Test("the users that a name lists")
    func users() {
        let rules = rules()
        #expect(rules.listedUsers("room#42,43") == ["42", "43"])
        #expect(rules.listedUsers("room#42") == ["42"])
        #expect(rules.listedUsers("chat:room#42,") == ["42", ""])
        #expect(rules.listedUsers("room#") == [""])
        #expect(rules.listedUsers("room") == nil)
        #expect(self.rules { $0.userBoundary = "" }.listedUsers("room#42") == nil)
        #expect(self.rules { $0.userSeparator = "" }.listedUsers("room#42,43") == ["42,43"])
    }

    @Test("personal channels")
    func personal() {
        #expect(rules().personalChannel(user: "42", namespace: "") == "#42")
        #expect(rules().personalChannel(user: "42", namespace: "chat") == "chat:#42")
    }
}

@Suite("permissions")
struct PermissionsTests {
    private func permissions(insecure: Bool = false) -> Permissions {
        var settings = ClientSettings()
        settings.insecure = insecure
        return Permissions(settings: settings, rules: ChannelRules(ChannelSettings()))
    }

    @Test("deny by default", arguments: ["", "42"])
    func deny(_ user: UserID) {
        #expect(!permissions().maySubscribe("room", user: user, options: ChannelOptions()))
        #expect(!permissions().allows(.init(), user: user, isSubscribed: true))
    }

    @Test("insecure mode allows everything that names no users")
    func insecure() {
        #expect(permissions(insecure: true).maySubscribe("room", user: "", options: ChannelOptions()))
        #expect(permissions(insecure: true).allows(.init(), user: "", isSubscribed: false))
    }

    @Test("a list of users says who may; a general permission does not widen it")
    func listed() {
        var options = ChannelOptions()
        options.allowUserLimitedChannels = true
        options.allowSubscribeForClient = true
        options.allowSubscribeForAnonymous = true
        #expect(permissions().maySubscribe("room#42,43", user: "43", options: options))
        #expect(!permissions().maySubscribe("room#42,43", user: "44", options: options))
        #expect(!permissions().maySubscribe("room#", user: "", options: options))
        #expect(permissions().maySubscribe("room", user: "44", options: options))
    }

    @Test("any client, subscribers only, and both also without a user id")
    func allowances() {
        var allowance = ChannelOptions.Allowance()
        allowance.forSubscriber = true
        #expect(permissions().allows(allowance, user: "42", isSubscribed: true))
        #expect(!permissions().allows(allowance, user: "42", isSubscribed: false))
        #expect(!permissions().allows(allowance, user: "", isSubscribed: true))
        allowance.forAnonymous = true
        #expect(permissions().allows(allowance, user: "", isSubscribed: true))
        allowance = ChannelOptions.Allowance()
        allowance.forClient = true
        #expect(permissions().allows(allowance, user: "42", isSubscribed: false))
        #expect(!permissions().allows(allowance, user: "", isSubscribed: false))
    }
}

@Suite("client ids")
struct ClientIDTests {
    @Test("written as a UUID, and read back")
    func roundTrip() {
        #expect(ClientID(high: 0, low: 0).text == "00000000-0000-0000-0000-000000000000")
        let id = ClientID(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)
        #expect(id.text == "01234567-89ab-cdef-fedc-ba9876543210")
        #expect(ClientID(id.text) == id)
        for _ in 0..<1_000 {
            let random = ClientID(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
            #expect(ClientID(random.text) == random)
        }
    }

    @Test(
        "any other text is no id",
        arguments: [
            "", "-", "0123456789abcdeffedcba9876543210", "01234567-89ab-cdef-fedc-ba987654321",
            "01234567-89ab-cdef-fedc-ba98765432100", "01234567-89AB-cdef-fedc-ba9876543210",
            "01234567-89ab-cdef-fedc-ba987654321g", "01234567x89ab-cdef-fedc-ba9876543210",
            "0123456789ab-cdef-fedc-ba9876543210-----", "01234567-89ab-cdef-fedc-ba98765432é",
        ])
    func malformed(_ text: String) {
        #expect(ClientID(text) == nil)
    }
}

@Suite("codes")
struct CodeTests {
    @Test("the code's range says whether the client is to reconnect")
    func ranges() {
        for code: UInt32 in [1_000, 3_000, 3_499, 4_000, 4_499, 5_000] {
            #expect(Disconnect(code: code, reason: "").isReconnect)
        }
        for code: UInt32 in [3_500, 3_999, 4_500, 4_999] { #expect(!Disconnect(code: code, reason: "").isReconnect) }
    }

    @Test("three errors are temporary")
    func temporary() {
        let errors: [ReplyError] = [
            .internalError, .unauthorized, .unknownChannel, .permissionDenied, .methodNotFound, .alreadySubscribed,
            .limitExceeded, .badRequest, .notAvailable, .tokenExpired, .expired, .tooManyRequests,
            .unrecoverablePosition, .concurrentPagination,
        ]
        #expect(errors.map(\.code) == Array(100...113))
        #expect(errors.filter(\.isTemporary).map(\.code) == [100, 111, 113])
    }
}
