/// The headers of a message (ADR-4): fields in their order, and a status.
///
/// Kept as the lines of the wire, in one block of memory; a field becomes a text when it is asked for. Names are compared
/// with their case, and may occur several times.
package struct NATSHeaders: Sendable {
    package struct Field: Equatable, Sendable {
        package var name: String
        package var value: String
    }

    /// The code of a message from the server itself, such as 503; nil if there is none.
    package internal(set) var status: Int?
    /// The words behind the status; empty if there are none.
    package internal(set) var statusText = ""
    /// The block was none of ADR-4, and nothing of it is here.
    ///
    /// Servers pass such blocks on, so that this is a publisher's fault and no reason to end the connection.
    package internal(set) var isMalformed = false
    /// `name:value` and CR LF for each field.
    var lines: [UInt8] = []

    package init() {}

    package var isEmpty: Bool { status == nil && lines.isEmpty && !isMalformed }

    /// All fields, in their order.
    package var fields: [Field] {
        var fields: [Field] = []
        forEachField { name, value in
            fields.append(
                Field(name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self)))
        }
        return fields
    }

    /// The first value of a field; nil if there is none of that name.
    package subscript(name: String) -> String? { values(of: name).first }

    /// All values of a field, in their order.
    package func values(of name: String) -> [String] {
        var values: [String] = []
        forEachField { field, value in
            if field.elementsEqual(name.utf8) { values.append(String(decoding: value, as: UTF8.self)) }
        }
        return values
    }

    /// The first value of a field as a decimal number; nil if it is none.
    package func number(_ name: StaticString) -> UInt64? {
        let wanted = UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        var number: UInt64?
        var isFound = false
        forEachField { field, value in
            guard !isFound, field.elementsEqual(wanted) else { return }
            isFound = true
            number = NATSFields.decimal(value)
        }
        return number
    }

    private func forEachField(_ body: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void) {
        lines.withUnsafeBytes { bytes in
            var reader = NATSHeaderReader(bytes)
            while case .field(let name, let value) = reader.next() { body(name, value) }
        }
    }
}

extension NATSHeaders: Equatable {
    /// The same status and fields, whatever space stands around the values.
    package static func == (left: NATSHeaders, right: NATSHeaders) -> Bool {
        left.status == right.status && left.statusText == right.statusText && left.isMalformed == right.isMalformed
            && (left.lines == right.lines || left.fields == right.fields)
    }
}
