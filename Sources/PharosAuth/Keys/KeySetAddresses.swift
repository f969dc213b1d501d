/// The addresses of the key sets, all known before the first token arrives.
///
/// An address template such as `https://idp/{{tenant}}/keys` is expanded with the closed lists of the configuration
/// when the server starts. No claim of a token ever takes part in an address; afterwards, a verified token must name
/// the very values whose address delivered its key.
struct KeySetAddresses: Equatable, Sendable {
    /// Combinations of all variables' values.
    static let limit = 64

    struct Address: Equatable, Sendable {
        var url: String
        /// The named groups that the patterns must find in a token.
        ///
        /// They bind `issuer_regex` or `audience_regex` in every token whose key came from here.
        var binding: [String: String]
    }

    private(set) var all: [Address]
    let variables: Set<String>

    init(template: String, variables lists: [String: [String]]) throws(TokenConfigurationError) {
        guard template.hasPrefix("https://") || template.hasPrefix("http://") else {
            throw .init(setting: "jwks_public_endpoint", "must begin with https:// or http://")
        }
        let pieces = try Self.pieces(of: template)
        let names = Set(pieces.compactMap(\.variable))
        if let unused = lists.keys.sorted().first(where: { !names.contains($0) }) {
            throw .init(setting: "jwks_variables", "\(unused) does not occur in jwks_public_endpoint")
        }
        variables = names
        all = [Address(url: "", binding: [:])]
        for piece in pieces {
            switch piece {
            case .text(let text):
                for index in all.indices { all[index].url += text }
            case .variable(let name):
                all = try Self.expanding(all, with: name, values: lists[name] ?? [])
            }
        }
    }

    private static func expanding(
        _ addresses: [Address], with name: String, values: [String]
    ) throws(TokenConfigurationError) -> [Address] {
        guard !values.isEmpty else {
            throw .init(
                setting: "jwks_public_endpoint",
                "{{\(name)}} needs a closed list of values in jwks_variables: no token decides on an address"
            )
        }
        guard Set(values).count == values.count, values.allSatisfy(isPathWord) else {
            throw .init(setting: "jwks_variables", "\(name): values must be distinct and of letters, digits, - . _ ~")
        }
        var expanded: [Address] = []
        for address in addresses {
            // A variable that occurs twice has one value.
            for value in address.binding[name].map({ [$0] }) ?? values {
                var next = address
                next.url += value
                next.binding[name] = value
                expanded.append(next)
                guard expanded.count <= limit else {
                    throw .init(setting: "jwks_variables", "more than \(limit) addresses")
                }
            }
        }
        return expanded
    }

    /// RFC 3986 §2.3: characters that mean nothing special anywhere in an address.
    private static func isPathWord(_ value: String) -> Bool {
        !value.isEmpty && value != "." && value != ".."
            && value.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
                case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
                default: false
                }
            }
    }

    private enum Piece {
        case text(String)
        case variable(String)

        var variable: String? {
            if case .variable(let name) = self { return name }
            return nil
        }
    }

    private static func pieces(of template: String) throws(TokenConfigurationError) -> [Piece] {
        var pieces: [Piece] = []
        var rest = template[...]
        while let open = rest.firstRange(of: "{{") {
            pieces.append(.text(String(rest[..<open.lowerBound])))
            guard let close = rest[open.upperBound...].firstRange(of: "}}") else {
                throw .init(setting: "jwks_public_endpoint", "{{ without }}")
            }
            pieces.append(.variable(String(rest[open.upperBound..<close.lowerBound])))
            rest = rest[close.upperBound...]
        }
        pieces.append(.text(String(rest)))
        return pieces
    }
}
