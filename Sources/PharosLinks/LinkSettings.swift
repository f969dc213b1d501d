package import PharosTLS

/// A server that a link may connect to.
package struct LinkAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name, or an address of IPv4 or IPv6 without brackets.
    package var host: String
    package var port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// How a link connects.
package struct LinkSettings: Sendable {
    /// Tried in turn, each once before the first comes again.
    package var addresses: [LinkAddress]
    /// Nil: TLS is not there, and not to be had.
    package var tls: TLSContext?
    /// Whether TLS begins with the connection, and not by the machine's wish.
    package var tlsFromStart = false
    /// The name that the server's certificate has to have; nil: the address' host.
    package var tlsName: String?
    /// From the first packet until the connection stands, with its TLS.
    package var connectTimeoutMs: Int64 = 5_000
    package var backoff = Backoff()

    package init(addresses: [LinkAddress], tls: TLSContext? = nil) {
        self.addresses = addresses
        self.tls = tls
    }
}

/// The waits between attempts to connect.
///
/// They double from the least to the most, and each is drawn from its upper half, so that clients of one server that was
/// away do not come back in step.
package struct Backoff: Sendable {
    package var leastMs: Int64 = 50
    package var mostMs: Int64 = 3_000
    private var attempts = 0

    package init() {}

    /// The wait before the next attempt.
    package mutating func next(using random: inout some RandomNumberGenerator) -> Int64 {
        let full = min(leastMs << Int64(min(attempts, 20)), mostMs)
        attempts += 1
        return .random(in: full / 2...max(full, 1), using: &random)
    }

    /// A connection has proven itself.
    package mutating func reset() { attempts = 0 }
}
