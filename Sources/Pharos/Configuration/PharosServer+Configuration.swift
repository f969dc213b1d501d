package import PharosConfiguration
import PharosDomain

extension PharosServer {
    /// A server's configuration.
    ///
    /// It is made of properties, or of the file that the `pharos` program reads. A fresh value allows nothing: without
    /// hooks, a token secret or an audience of ``channels``, no client connects, subscribes or publishes. Settings that
    /// have no property here can be set in a file.
    public struct Configuration: Sendable {
        package var inner: PharosConfiguration

        /// Whether clients can connect.
        ///
        /// false: no port is opened, and only the program itself talks to the server.
        public var isListening = true

        /// - Parameters:
        ///   - host: an address of this machine; `0.0.0.0` is every one.
        ///   - port: 0: one that is free, see ``PharosServer/address``.
        public init(host: String = "127.0.0.1", port: Int = 8_000) {
            inner = PharosConfiguration()
            inner.settings.store.path = ""
            self.host = host
            self.port = port
        }

        /// Reads a YAML or JSON file as `pharos serve --config` does.
        ///
        /// - Parameter environment: variables that begin with `PHAROS_` win over the file; none unless you pass them.
        /// - Throws: an error whose description has one line per problem, each with its place in the file.
        public init(file: String, environment: [String: String] = [:]) throws {
            inner = try ConfigurationLoader.load(file: file, environment: environment).configuration
        }

        public var host: String {
            get { inner.settings.edge.address }
            // The edge binds addresses, not names.
            set { inner.settings.edge.address = newValue == "localhost" ? "127.0.0.1" : newValue }
        }

        public var port: Int {
            get { inner.settings.edge.port }
            set { inner.settings.edge.port = newValue }
        }

        /// nil: no TLS.
        public var tls: TLS? {
            get {
                inner.settings.edge.tls.map {
                    TLS(certificateFile: $0.certificateFile, keyFile: $0.keyFile, port: $0.port)
                }
            }
            set {
                inner.settings.edge.tls = newValue.map {
                    TLSSettings(certificateFile: $0.certificateFile, keyFile: $0.keyFile, port: $0.port)
                }
            }
        }

        /// Threads that hold connections; 0: one per processor that this process may use.
        public var threads: Int {
            get { inner.settings.edge.shards }
            set { inner.settings.edge.shards = newValue }
        }

        /// In answers of the server API and in hooks.
        public var nodeName: String {
            get { inner.settings.nodeName }
            set { inner.settings.nodeName = newValue }
        }

        /// Which pages may connect, as globs such as `https://*.example.com`; empty: none.
        public var allowedOrigins: [String] {
            get { inner.settings.client.allowedOrigins }
            set { inner.settings.client.allowedOrigins = newValue }
        }

        /// Verifies clients' tokens by HMAC; "": no token is accepted.
        public var tokenSecret: String {
            get { inner.tokens.hmacSecretKey }
            set { inner.tokens.hmacSecretKey = newValue }
        }

        /// Whether clients may connect without a token and without a hook.
        ///
        /// They have no user id then.
        public var acceptsAnonymous: Bool {
            get { inner.settings.client.allowAnonymousConnectWithoutToken }
            set { inner.settings.client.allowAnonymousConnectWithoutToken = newValue }
        }

        /// Keys of the server API over HTTP; empty: it refuses everybody.
        public var apiKeys: [String] {
            get { inner.settings.api.keys.map(\.key) }
            set { inner.settings.api.keys = newValue.map { APIKey(key: $0) } }
        }

        /// The transports besides WebSocket.
        public var transports: Set<Transport> {
            get { Set(Transport.allCases.filter { inner.settings.transports[keyPath: $0.path] }) }
            set {
                for transport in Transport.allCases {
                    inner.settings.transports[keyPath: transport.path] = newValue.contains(transport)
                }
            }
        }

        /// Directory of the durable store; nil: everything lives in memory.
        public var storeDirectory: String? {
            get { inner.settings.store.path.isEmpty ? nil : inner.settings.store.path }
            set { inner.settings.store.path = newValue ?? "" }
        }

        /// Whether `GET /health` and `GET /metrics` answer.
        public var hasHealthAndMetrics: Bool {
            get { inner.endpoints.health && inner.endpoints.prometheus }
            set { (inner.endpoints.health, inner.endpoints.prometheus) = (newValue, newValue) }
        }

        /// Between "go" and the last connection's end, at a graceful shutdown.
        public var shutdownTimeout: Duration {
            get { .seconds(inner.settings.shutdownTimeout) }
            set { inner.settings.shutdownTimeout = newValue.boundedSeconds }
        }

        /// The time over which clients come back after a graceful shutdown.
        ///
        /// So they do not all come at once.
        public var shutdownWindow: Duration {
            get { .seconds(inner.settings.shutdownWindow) }
            set { inner.settings.shutdownWindow = newValue.boundedSeconds }
        }

        /// The channels whose names have no namespace.
        public var channels: ChannelRules {
            get { ChannelRules(inner.settings.channel.withoutNamespace) }
            set { inner.settings.channel.withoutNamespace = newValue.options }
        }

        /// The rules of a namespace's channels.
        ///
        /// `chat` holds those whose names begin with `chat:`. nil: there is none such, and its channels are unknown.
        public subscript(namespace name: String) -> ChannelRules? {
            get {
                inner.settings.channel.namespaces.first { $0.name == NamespaceName(name) }.map {
                    ChannelRules($0.options)
                }
            }
            set {
                let index = inner.settings.channel.namespaces.firstIndex { $0.name == NamespaceName(name) }
                switch (index, newValue) {
                case (let index?, let rules?): inner.settings.channel.namespaces[index].options = rules.options
                case (let index?, nil): inner.settings.channel.namespaces.remove(at: index)
                case (nil, let rules?):
                    inner.settings.channel.namespaces.append(
                        ChannelNamespace(name: NamespaceName(name), options: rules.options))
                case (nil, nil): break
                }
            }
        }
    }
}

extension PharosServer.Configuration {
    /// A port of its own for TLS.
    public struct TLS: Hashable, Sendable {
        /// PEM; the chain.
        public var certificateFile: String
        /// PEM.
        public var keyFile: String
        public var port: Int

        public init(certificateFile: String, keyFile: String, port: Int = 8_443) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
            self.port = port
        }
    }

    /// A way in for clients besides WebSocket.
    public enum Transport: Hashable, Sendable, CaseIterable {
        /// The client protocol as one long HTTP answer.
        case httpStream
        /// The client protocol as server-sent events.
        case sse
        /// Plain `EventSource`, without a protocol above it.
        case events
        case longPoll

        fileprivate var path: WritableKeyPath<TransportSettings, Bool> {
            switch self {
            case .httpStream: \.httpStream
            case .sse: \.sse
            case .events: \.events
            case .longPoll: \.poll
            }
        }
    }
}
