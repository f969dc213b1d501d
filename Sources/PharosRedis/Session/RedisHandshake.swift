/// The commands before all others: HELLO or its RESP2 forms, then SELECT.
///
/// By the documentation of HELLO. A server that does not know HELLO or its version 3 is spoken to in RESP2. One command
/// is sent at a time, since the reply to HELLO decides on the next.
struct RedisHandshake {
    private enum Step { case hello, authenticate, setName, select }

    enum Outcome {
        case send(RedisCommand)
        case ready(RedisServer)
        case refused(RedisServerError)
        /// A reply that does not answer the command.
        case unexpected
    }

    private let options: RedisSessionOptions
    private var step = Step.hello
    private var server = RedisServer(protocolVersion: 2)

    init(_ options: RedisSessionOptions) { self.options = options }

    mutating func begin() -> Outcome { options.prefersRESP3 ? .send(hello) : authenticate() }

    mutating func receive(_ reply: RESPValue) -> Outcome {
        let error = reply.serverError
        switch step {
        case .hello:
            guard let error else { return welcome(reply) }
            let isUnsupported = error.kind == .unknownCommand || error.kind == .noProtocol
            return isUnsupported ? authenticate() : .refused(error)
        case .authenticate: return error.map { .refused($0) } ?? setName()
        case .setName:
            // A proxy may not have the command, and the name is shown only.
            if let error, error.kind != .unknownCommand { return .refused(error) }
            return select()
        case .select: return error.map { .refused($0) } ?? .ready(server)
        }
    }

    private var hello: RedisCommand {
        var command: RedisCommand = ["HELLO", 3]
        if let credentials = options.credentials {
            command.arguments += ["AUTH", .text(credentials.user ?? "default"), .text(credentials.password)]
        }
        if let name = options.clientName { command.arguments += ["SETNAME", .text(name)] }
        return command
    }

    private mutating func welcome(_ reply: RESPValue) -> Outcome {
        guard let version = try? reply.value(for: "proto").integer(), version == 3 else { return .unexpected }
        server = RedisServer(
            protocolVersion: 3, software: try? reply.value(for: "server").text(),
            version: try? reply.value(for: "version").text(), mode: try? reply.value(for: "mode").text(),
            role: try? reply.value(for: "role").text())
        return select()
    }

    private mutating func authenticate() -> Outcome {
        guard let credentials = options.credentials else { return setName() }
        step = .authenticate
        guard let user = credentials.user else { return .send(["AUTH", .text(credentials.password)]) }
        return .send(["AUTH", .text(user), .text(credentials.password)])
    }

    private mutating func setName() -> Outcome {
        guard let name = options.clientName else { return select() }
        step = .setName
        return .send(["CLIENT", "SETNAME", .text(name)])
    }

    private mutating func select() -> Outcome {
        guard options.database != 0 else { return .ready(server) }
        step = .select
        return .send(["SELECT", .integer(Int64(options.database))])
    }
}
