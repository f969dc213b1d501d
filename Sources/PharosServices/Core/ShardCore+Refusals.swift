import PharosDomain
import PharosEdge
import PharosProtocol

/// Records what this shard refuses, for the operator of the server.
///
/// There is one call at each place that refuses.
extension ShardCore {
    /// A request was refused, before there is a session.
    func noteRefused(
        _ kind: RefusalKind, _ reason: String, _ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge,
        _ details: @autoclosure () -> [Refusal.Field] = []
    ) {
        guard var line = node.refusals.count(kind, reason) else { return }
        line.refusal.address = clientAddress(id, head, edge)
        // Without the query, which may hold a token.
        line.refusal.details = [.init("path", String(decoding: head.path, as: UTF8.self))] + details()
        node.refusals.write(line)
    }

    /// A page came from where none may.
    func noteOriginRefused(_ id: ConnectionID, _ head: RequestHead, _ edge: borrowing Edge) {
        let origin = head.header("origin").map { String(decoding: $0, as: UTF8.self) } ?? ""
        noteRefused(
            .origin, head.headerCount("origin") > 1 ? "several" : "not_allowed", id, head, edge,
            [.init("origin", origin)])
    }

    /// A client with a session was refused.
    func noteRefused(
        _ kind: RefusalKind, _ reason: String, of id: ConnectionID, _ edge: borrowing Edge,
        _ details: @autoclosure () -> [Refusal.Field] = []
    ) {
        guard var line = node.refusals.count(kind, reason) else { return }
        if sessions.contains(id) {
            line.refusal.client = sessions[id].session.client.name
            line.refusal.user = sessions[id].session.user
        }
        line.refusal.address = address(of: id, edge)
        line.refusal.details = details()
        node.refusals.write(line)
    }

    /// Notes the outcome of a client's token, if it was not accepted.
    func note<Claims>(_ outcome: TokenOutcome<Claims>, _ use: TokenUse, of id: ConnectionID, _ edge: borrowing Edge) {
        guard let fault = outcome.fault else { return }
        note(fault, use, of: id, edge)
    }

    func note(_ fault: TokenFault, _ use: TokenUse, of id: ConnectionID, _ edge: borrowing Edge) {
        noteRefused(
            .token, fault.kind.rawValue, of: id, edge,
            [.init("use", use.rawValue), .init("why", fault.text)])
    }

    /// Notes the error that a valid token led to: it may be valid for another client.
    func note<Claims>(
        _ action: SessionAction, after outcome: TokenOutcome<Claims>, _ use: TokenUse, of id: ConnectionID,
        _ edge: borrowing Edge
    ) {
        guard case .valid = outcome else { return }
        switch action {
        case .disconnect(.invalidToken):
            note(TokenFault(.mismatch, "the token is another user's, channel's or client's"), use, of: id, edge)
        case .reply(let reply):
            guard case .error(let error) = reply.result else { return }
            if error == .permissionDenied, use == .connection {
                note(TokenFault(.anonymous, "the token names no user"), use, of: id, edge)
            } else {
                note(error, use.method, "", of: id, edge)
            }
        default: break
        }
    }

    /// Notes the result of a command, if the client was denied it.
    func note(
        _ action: SessionAction, _ method: String, _ channel: @autoclosure () -> ChannelName, of id: ConnectionID,
        _ edge: borrowing Edge
    ) {
        guard case .reply(let reply) = action, case .error(let error) = reply.result else { return }
        note(error, method, channel(), of: id, edge)
    }

    /// A poll without a session was refused.
    func notePollDenied(
        _ error: ReplyError, _ channel: ChannelName, _ id: ConnectionID, _ edge: borrowing Edge, user: UserID = ""
    ) {
        guard let kind = RefusalKind(deniedBy: error), var line = node.refusals.count(kind, "poll") else { return }
        (line.refusal.user, line.refusal.address) = (user, address(of: id, edge))
        if !channel.isEmpty { line.refusal.details = [.init("channel", channel)] }
        node.refusals.write(line)
    }

    func note(
        _ error: ReplyError, _ method: String, _ channel: @autoclosure () -> ChannelName, of id: ConnectionID,
        _ edge: borrowing Edge
    ) {
        guard let kind = RefusalKind(deniedBy: error) else { return }
        let channel = channel()
        noteRefused(kind, method, of: id, edge, channel.isEmpty ? [] : [.init("channel", channel)])
    }
}

/// The command that a client brought a token for.
enum TokenUse: String {
    case connection, subscription, refresh
    case subRefresh = "sub_refresh"

    /// The command that it came with.
    var method: String {
        switch self {
        case .connection: CommandKind.connect.name
        case .subscription: CommandKind.subscribe.name
        case .refresh: CommandKind.refresh.name
        case .subRefresh: CommandKind.subRefresh.name
        }
    }
}

extension TokenOutcome {
    /// Why the token was not accepted; nil: it was, or that is not known yet.
    var fault: TokenFault? {
        switch self {
        case .valid: nil
        case .expired: TokenFault(.expired, "the token has expired")
        case .invalid(let fault): fault
        case .tooLong: TokenFault(.tooLong, refusal ?? "")
        case .needsKeys, .unavailable:
            TokenFault(.keysUnavailable, "the key set that the token's key should be in could not be fetched")
        }
    }
}

extension RefusalKind {
    /// nil: the error is of another kind.
    init?(deniedBy error: ReplyError) {
        switch error.code {
        case ReplyError.permissionDenied.code: self = .permission
        case ReplyError.unknownChannel.code: self = .channel
        default: return nil
        }
    }
}

extension Request {
    /// The channel that a command is about; "" where it is about none.
    var channel: ChannelName {
        switch self {
        case .subscribe(let request): request.channel
        case .unsubscribe(let channel), .presence(let channel), .presenceStats(let channel): channel
        case .publish(let request): request.channel
        case .history(let request): request.channel
        case .subRefresh(let request): request.channel
        case .connect, .ping, .send, .rpc, .refresh, .malformed: ""
        }
    }
}
