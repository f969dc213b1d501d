package import PharosDomain
import PharosEdge
import PharosProtocol

/// The addresses at which the application reaches raw connections.
package enum RawServicePath: Equatable, Sendable {
    /// `/sr`
    case service
    /// `/@connections/{id}`
    case connection(ClientName)

    /// nil: another address.
    package init?(_ path: UnsafeRawBufferPointer) {
        if path.elementsEqual("/sr".utf8) {
            self = .service
        } else if let connection = RawConnectionPath.connection(in: path) {
            self = .connection(connection)
        } else {
            return nil
        }
    }

    /// As in the header `Allow`.
    package var methods: String {
        switch self {
        case .service: "POST"
        case .connection: "GET, POST, DELETE"
        }
    }

    /// The form of a request with the method; nil: the address has no such method.
    func form(method: UnsafeRawBufferPointer, reports: Bool) -> RawCallForm? {
        switch self {
        case .service: method.elementsEqual("POST".utf8) ? .service(reports: reports) : nil
        case .connection where method.elementsEqual("POST".utf8): .post
        case .connection where method.elementsEqual("GET".utf8): .get
        case .connection where method.elementsEqual("DELETE".utf8): .delete
        case .connection: nil
        }
    }

    var connection: ClientName {
        if case .connection(let id) = self { id } else { "" }
    }
}

/// The form of a request at the service's addresses; it decides on the answer's.
enum RawCallForm: Sendable {
    /// `POST /sr`; `reports`: the answer names the connections that were not reached.
    case service(reports: Bool)
    /// `POST`, `GET` and `DELETE /@connections/{id}`.
    case post, get, delete
}
