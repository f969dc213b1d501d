/// Which hooks there are, and where the application is. Fresh, none.
package struct HookSettings: Equatable, Sendable {
    /// Names of origins; "": this hook is off.
    ///
    /// Those of `subscribe`, `publish` and `sub_refresh` are in the namespaces.
    package var handshake: OriginName = ""
    package var connect: OriginName = ""
    package var refresh: OriginName = ""
    package var message: OriginName = ""
    package var rpc: [RPCRule] = []
    /// The events that are sent to the origin `eventsTo`.
    package var events: Set<OriginEvent.Kind> = []
    package var eventsTo: OriginName = ""
    /// Seconds between reports of who is connected; 0: none.
    package var keepAliveInterval = 0.0
    /// Seconds for which sending an event is repeated.
    ///
    /// Then it goes to the dead-letter log.
    package var eventsKeptFor = 86_400.0
    /// Bytes of events that may wait; beyond it new clients are refused.
    package var eventsMaxSize = 268_435_456
    /// Questions of one connection that may be open at once; beyond it error 111.
    package var openQuestions = 32
    /// The address in the ids of raw connections, so that they name their node.
    ///
    /// Empty: the node's name.
    package var nodeAddress = ""
    package var origins: [OriginSettings] = []
    package var raw: [RawPath] = []

    package init() {}

    /// All that any origin may see.
    package var passes: PassList {
        var all = PassList()
        for origin in origins { all.formUnion(origin.passes) }
        return all
    }

    /// The origin that answers calls of `method`; nil: none, error 104.
    package func origin(rpc method: MethodName) -> OriginName? {
        rpc.filter { $0.prefix.isEmpty || method.hasPrefix($0.prefix) }.max {
            $0.prefix.utf8.count < $1.prefix.utf8.count
        }?
        .origin
    }
}

/// The origin of remote calls whose method begins with `prefix`.
///
/// The longest prefix counts.
package struct RPCRule: Equatable, Sendable {
    package var prefix: MethodName
    package var origin: OriginName

    package init(prefix: MethodName, origin: OriginName) {
        self.prefix = prefix
        self.origin = origin
    }
}

/// One address of the application and how it is spoken to.
///
/// All durations in seconds.
package struct OriginSettings: Equatable, Sendable {
    package enum Form: String, CaseIterable, Equatable, Sendable {
        /// The proxy shapes that back ends of Centrifugo answer already.
        case proxy
        /// CloudEvents 1.0 in binary mode, signed.
        case cloudEvents = "cloudevents"
        /// A plain authorisation subrequest: the status decides, the answer lists channels.
        ///
        /// For `handshake` only.
        case authorize
        /// The JSON of websocket-service. For raw paths and `raw_closed` only.
        case webSocketService = "websocket_service"
    }

    package var name: OriginName
    /// `http://` or `https://`.
    package var url: String
    package var form = Form.proxy
    package var timeout = 1.0
    /// Further attempts after a failure.
    ///
    /// They are made for events, and for a connection that failed before anything was sent.
    package var retries = 1
    /// Requests under way at once; what is asked beyond waits, within its timeout.
    package var concurrency = 256
    /// So many failures in a row open the breaker; 0: never.
    package var breakerFailures = 20
    /// For so long nothing is asked; then one question tries again.
    package var breakerPause = 2.0
    /// For the signature: of CloudEvents always if it is set. Never in a log.
    package var secret = ""
    /// Sent with every request.
    package var staticHeaders: [FieldName: String] = [:]
    /// Names of headers that clients may send inside their connect command, lower case.
    package var emulatedHeaders: [FieldName] = []
    package var passes = PassList()
    package var binaryEncoding = false
    package var includeConnectionMeta = false
    /// Ask `OPTIONS` before the first request, as webhooks' abuse protection demands.
    package var asksPermission = false
    /// Bytes of an answer.
    package var answerLimit = 1_048_576
    /// For https: a PEM file with the authorities to trust; "": those of the system.
    package var certificateAuthority = ""

    package init(name: OriginName, url: String) {
        self.name = name
        self.url = url
    }
}

/// A path whose connections belong to an origin, without our protocol.
package struct RawPath: Equatable, Sendable {
    package var path: String
    /// Gets the connections' events; "": they only receive.
    package var origin: OriginName = ""
    /// The origin that decides at the handshake.
    ///
    /// It names the channels that the connection is subscribed to. Empty: every client may connect if `open`.
    package var handshake: OriginName = ""
    package var open = false
    package var subprotocols: [String] = []
    /// Bytes of one connection's messages that may wait for the origin.
    ///
    /// Beyond it reading rests.
    package var inboundLimit = 1_048_576
    /// Whether publications name their channel: `{"channel":…,"data":…}`.
    package var namesChannels = false

    package init(path: String) {
        self.path = path
    }
}
