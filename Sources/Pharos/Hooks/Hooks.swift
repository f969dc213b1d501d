import PharosDomain

extension PharosServer {
    /// The application's part, as closures: its decisions, and its moments.
    ///
    /// **Decisions** (``handshake(_:)``, ``connect(_:)``, ``subscribe(in:_:)`` …): the client waits for the answer. A closure
    /// that throws, or takes longer than ``timeout``, lets no client in: it gets a temporary error (503 in a handshake) and
    /// tries again. The publications and messages of one connection are asked about one after the other, in its order;
    /// everything else may be asked at the same time.
    ///
    /// **Moments** (``connected(_:)``, ``unsubscribed(_:)`` …): each is called once, for each connection in the order in
    /// which they happened, and the server does not wait for them. Moments of different connections run side by side.
    public struct Hooks: Sendable {
        typealias Decision<Question> = @Sendable (Question) async throws -> Answer<Question>

        var decidesHandshake: Decision<Handshake>?
        var decidesConnect: Decision<Connect>?
        var decidesRefresh: Decision<Refresh>?
        var decidesSubscribe: Decision<Subscribe>?
        var subscribeNamespaces: [NamespaceName]?
        var decidesPublish: Decision<Publish>?
        var publishNamespaces: [NamespaceName]?
        var decidesSubscriptionRefresh: Decision<RefreshSubscription>?
        var decidesCall: Decision<Call>?
        var decidesMessage: Decision<Message>?
        var moments: [MomentKind: @Sendable (Moment) async -> Void] = [:]
        var passes = PassList()

        /// How long a decision may take.
        public var timeout = Duration.seconds(10)

        init() {}

        var isEmpty: Bool { kinds.isEmpty && moments.isEmpty }

        /// The parts of a client's own request that the closures get to see.
        var visible: PassList {
            var visible = passes
            visible.path = decidesHandshake != nil
            return visible
        }

        /// The kinds of decisions that have a closure.
        private var kinds: Set<HookKind> {
            var kinds: Set<HookKind> = []
            if decidesHandshake != nil { kinds.insert(.handshake) }
            if decidesConnect != nil { kinds.insert(.connect) }
            if decidesRefresh != nil { kinds.insert(.refresh) }
            if decidesSubscribe != nil { kinds.insert(.subscribe) }
            if decidesPublish != nil { kinds.insert(.publish) }
            if decidesSubscriptionRefresh != nil { kinds.insert(.subRefresh) }
            if decidesCall != nil { kinds.insert(.rpc) }
            if decidesMessage != nil { kinds.insert(.message) }
            return kinds
        }

        // MARK: What clients bring along

        /// Names the parts of a client's HTTP request that the closures see.
        ///
        /// By default they see none.
        ///
        /// - Parameters:
        ///   - headers: in any case; those of browsers are few, as pages cannot set them for a WebSocket.
        ///   - address: the peer's, or what a trusted proxy says.
        public mutating func pass(
            headers: [String] = [], cookies: [String] = [], query: [String] = [], address: Bool = false
        ) {
            var more = PassList()
            more.headers = headers.map { FieldName($0).asciiLowercased }
            more.cookies = cookies.map { FieldName($0) }
            more.query = query.map { FieldName($0) }
            more.address = address
            passes.formUnion(more)
        }

        // MARK: Decisions

        /// Decides about a client's HTTP request before it is answered.
        ///
        /// It is called for every transport, and decides the client's identity and its channels. A client that is let
        /// in here needs no token, and ``connect(_:)`` is not asked about it; any other gets an HTTP status. Method and
        /// path come along in any case; all else has to be named in ``pass(headers:cookies:query:address:)``.
        public mutating func handshake(_ decide: @escaping @Sendable (Handshake) async throws -> Answer<Handshake>) {
            decidesHandshake = decide
        }

        /// Decides about a client that connects without a token.
        public mutating func connect(_ decide: @escaping @Sendable (Connect) async throws -> Answer<Connect>) {
            decidesConnect = decide
        }

        /// A connection that ``connect(_:)`` let in for a time is about to expire.
        public mutating func refresh(_ decide: @escaping @Sendable (Refresh) async throws -> Answer<Refresh>) {
            decidesRefresh = decide
        }

        /// A client wants to subscribe.
        ///
        /// Asked in place of ``Configuration/ChannelRules/maySubscribe``.
        ///
        /// - Parameter namespaces: "" stands for channels without a namespace; nil: all channels.
        public mutating func subscribe(
            in namespaces: [String]? = nil, _ decide: @escaping @Sendable (Subscribe) async throws -> Answer<Subscribe>
        ) {
            subscribeNamespaces = namespaces?.map { NamespaceName($0) }
            decidesSubscribe = decide
        }

        /// A client wants to publish.
        ///
        /// Asked in place of ``Configuration/ChannelRules/mayPublish``.
        ///
        /// - Parameter namespaces: "" stands for channels without a namespace; nil: all channels.
        public mutating func publish(
            in namespaces: [String]? = nil, _ decide: @escaping @Sendable (Publish) async throws -> Answer<Publish>
        ) {
            publishNamespaces = namespaces?.map { NamespaceName($0) }
            decidesPublish = decide
        }

        /// A subscription that ``subscribe(in:_:)`` let in for a time is about to expire.
        public mutating func refreshSubscription(
            _ decide: @escaping @Sendable (RefreshSubscription) async throws -> Answer<RefreshSubscription>
        ) {
            decidesSubscriptionRefresh = decide
        }

        /// A client calls a method of the application's (`rpc`).
        public mutating func call(_ answer: @escaping @Sendable (Call) async throws -> Answer<Call>) {
            decidesCall = answer
        }

        /// A client sent a message that has no answer (`send`).
        public mutating func received(_ decide: @escaping @Sendable (Message) async throws -> Answer<Message>) {
            decidesMessage = decide
        }

        // MARK: Into the settings

        /// Names the closures where settings name origins.
        func apply(to settings: inout ServerSettings) {
            guard !isEmpty else { return }
            let name = ClosureOrigin.name
            var origin = OriginSettings(name: name, url: "")
            origin.passes = visible
            origin.timeout = timeout.boundedSeconds
            settings.hooks.origins.append(origin)
            if decidesHandshake != nil { settings.hooks.handshake = name }
            if decidesConnect != nil { settings.hooks.connect = name }
            if decidesRefresh != nil { settings.hooks.refresh = name }
            if decidesMessage != nil { settings.hooks.message = name }
            if decidesCall != nil { settings.hooks.rpc.append(RPCRule(prefix: "", origin: name)) }
            func names(_ namespace: NamespaceName, _ list: [NamespaceName]?) -> Bool {
                list?.contains(namespace) ?? true
            }
            func apply(_ namespace: NamespaceName, _ options: inout ChannelOptions) {
                if decidesSubscribe != nil, names(namespace, subscribeNamespaces) {
                    options.subscribeHook = name
                    if decidesSubscriptionRefresh != nil { options.subRefreshHook = name }
                }
                if decidesPublish != nil, names(namespace, publishNamespaces) { options.publishHook = name }
            }
            apply("", &settings.channel.withoutNamespace)
            for index in settings.channel.namespaces.indices {
                apply(settings.channel.namespaces[index].name, &settings.channel.namespaces[index].options)
            }
        }
    }
}
