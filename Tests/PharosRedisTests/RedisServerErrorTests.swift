import Testing

@testable import PharosRedis

@Suite("Errors of the server")
struct RedisServerErrorTests {
    /// The errors of a transcript, in order.
    private func errors(_ name: String) -> [RedisServerError] {
        Parsed(CollectionOfOne(Transcript(name).received[...])).values.compactMap(\.serverError)
    }

    @Test(
        "recorded ones that pass by themselves or elsewhere",
        arguments: [
            ("out-of-memory", [RedisServerError.Kind.outOfMemory, .outOfMemory]), ("no-replicas", [.noReplicas]),
            ("readonly", [.readOnly, .readOnly]), ("master-down", [.masterDown]), ("busy", [.busy]),
            ("loading", [.loading]),
        ])
    func temporary(name: String, kinds: [RedisServerError.Kind]) {
        #expect(errors(name).map(\.kind) == kinds)
        #expect(errors(name).allSatisfy { $0.isTemporary })
    }

    @Test(
        "recorded ones that stay",
        arguments: [
            ("auth-missing", [RedisServerError.Kind.noAuth, .noAuth]), ("auth-resp3-wrong", [.wrongPassword]),
            ("auth-resp2-wrong", [.unknownCommand, .wrongPassword]),
            ("auth-without-password", [.other("ERR"), .wrongPassword]),
            ("hello-2-and-4", [.noProtocol, .other("ERR")]),
            ("scripts-resp2", [.noScript, .wrongType, .other("ERR")]),
        ])
    func permanent(name: String, kinds: [RedisServerError.Kind]) {
        #expect(errors(name).map(\.kind) == kinds)
        #expect(!errors(name).contains { $0.isTemporary })
    }

    @Test("recorded ones of a cluster")
    func cluster() throws {
        let errors = errors("cluster")
        #expect(errors.count == 6)
        guard case .moved(let moved) = errors[0].kind, case .ask(let ask) = errors[4].kind else {
            Issue.record("no redirections: \(errors)")
            return
        }
        #expect(moved.slot == ClusterSlots.slot(of: "foo"))
        #expect(moved.host == "127.0.0.1")
        #expect(ask == RedisRedirection(slot: ClusterSlots.slot(of: "bar"), host: "127.0.0.1", port: moved.port))
        #expect(errors[1].kind == .moved(moved))
        #expect(errors[2].kind == .crossSlot)
        #expect(errors[5].kind == .tryAgain)
        #expect(errors.map(\.isTemporary) == [true, true, false, false, true, true])
        #expect(self.errors("cluster-down").first?.kind == .clusterDown)
    }

    @Test(
        "redirections: an address with colons, the node itself, and what is none",
        arguments: [
            ("MOVED 3999 ::1:6381", RedisServerError.Kind.moved(RedisRedirection(slot: 3999, host: "::1", port: 6381))),
            ("MOVED 0 :6381", .moved(RedisRedirection(slot: 0, host: nil, port: 6381))),
            ("ASK 16383 ?:6381", .ask(RedisRedirection(slot: 16_383, host: nil, port: 6381))),
            ("ASK 1 node.example:1", .ask(RedisRedirection(slot: 1, host: "node.example", port: 1))),
            ("MOVED 16384 a:1", .other("MOVED")), ("MOVED -1 a:1", .other("MOVED")), ("MOVED 1", .other("MOVED")),
            ("ASK 1 a", .other("ASK")), ("ASK 1 a:0", .other("ASK")), ("ASK 1 a:65536", .other("ASK")),
        ])
    func redirections(text: String, kind: RedisServerError.Kind) {
        #expect(RedisServerError(Array(text.utf8)).kind == kind)
    }

    @Test(
        "other texts",
        arguments: [
            ("", RedisServerError.Kind.other("")), ("something went wrong", .other("")), ("ERR", .other("ERR")),
            ("BUSYGROUP Consumer Group name already exists", .other("BUSYGROUP")), ("NOPERM no", .noPermission),
            ("MISCONF Redis is configured to save RDB snapshots", .cannotSave),
            ("ERR unknown command `HELLO`, with args", .unknownCommand), ("ERR Unknown subcommand", .unknownCommand),
            ("ERR unknown option", .other("ERR")),
            (
                "ERR Error running script (call to f_6c35): @user_script:1: @user_script: 1: -READONLY You can't write "
                    + "against a read only replica.", .readOnly
            ),
            ("ERR Error running script (call to f_6c35): @user_script:1: nonsense", .other("ERR")),
        ])
    func others(text: String, kind: RedisServerError.Kind) {
        #expect(RedisServerError(Array(text.utf8)).kind == kind)
        #expect(RedisServerError(Array(text.utf8)).message == text)
    }

    @Test("bytes that are no UTF-8 are read all the same")
    func anyBytes() {
        let error = RedisServerError(Array("OOM ".utf8) + [0xFF])
        #expect(error.kind == .outOfMemory)
        #expect(error.message == "OOM \u{FFFD}")
    }
}
