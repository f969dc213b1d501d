package import PharosBytes
package import PharosDomain

/// Writes batches of events for an origin.
///
/// A batch is a plain JSON object or a batch of CloudEvents.
package enum OriginEventEncoder {
    /// `{"events":[…]}`
    package static func encode(_ events: [NumberedEvent], into writer: inout ByteWriter) {
        writer.beginJSONObject()
        writer.beginJSONArray("events")
        for event in events {
            writer.nextJSONElement()
            writer.jsonObject(event)
        }
        writer.endJSONArray()
        writer.endJSONObject()
    }

    /// `{"keep_alive":{…}}`: who is connected as of one number.
    package static func encodeKeepAlive(
        _ clients: some Collection<ClientName>, sequence: UInt64, into writer: inout ByteWriter
    ) {
        writer.beginJSONObject()
        writer.jsonName("keep_alive")
        writer.jsonKeepAlive(clients, sequence: sequence)
        writer.endJSONObject()
    }

    /// The batch as `application/cloudevents-batch+json`.
    ///
    /// See CloudEvents JSON format 1.0, section 4.
    ///
    /// An event has the same id whenever it is sent, so that a receiver may know it again.
    package static func encodeCloudEvents(_ events: [NumberedEvent], node: String, into writer: inout ByteWriter) {
        writer.append(UInt8(ascii: "["))
        for numbered in events {
            let event = numbered.event
            writer.nextJSONElement()
            writer.beginCloudEvent(
                id: "\(node)/\(numbered.sequence)", node: node, type: CloudEventType.told(event.kind),
                time: RFC3339.text(ms: event.atMs))
            let subject = event.client.isEmpty ? event.channel.text : event.client.text
            writer.jsonField("subject", string: subject)
            writer.jsonField("sequence", string: String(numbered.sequence))
            writer.jsonName("data")
            writer.jsonObject(numbered)
            writer.endJSONObject()
        }
        writer.append(UInt8(ascii: "]"))
    }

    /// The same for a report of who is connected.
    package static func encodeCloudEventKeepAlive(
        _ clients: some Collection<ClientName>, sequence: UInt64, node: String, id: String, nowMs: Int64,
        into writer: inout ByteWriter
    ) {
        writer.append(UInt8(ascii: "["))
        writer.beginCloudEvent(
            id: id, node: node, type: CloudEventType.keepAlive, time: RFC3339.text(ms: nowMs))
        writer.jsonField("sequence", string: String(sequence))
        writer.jsonName("data")
        writer.jsonKeepAlive(clients, sequence: sequence)
        writer.endJSONObject()
        writer.append(UInt8(ascii: "]"))
    }
}

extension ByteWriter {
    fileprivate mutating func jsonObject(_ numbered: NumberedEvent) {
        let event = numbered.event
        beginJSONObject()
        jsonName("sequence")
        appendDecimal(numbered.sequence)
        jsonField("event", string: event.kind.rawValue)
        jsonField("client", string: event.client)
        // Of anonymous clients as well, so that typed readers find it; channels have no user.
        if !event.client.isEmpty { jsonAlways("user", event.user) }
        jsonField("channel", string: event.channel)
        jsonField("transport", string: event.transport)
        jsonField("time_ms", signed: event.atMs)
        jsonField("code", unsigned: UInt64(event.code))
        jsonField("reason", string: event.reason)
        jsonField("meta", checked: event.meta)
        endJSONObject()
    }

    fileprivate mutating func jsonKeepAlive(_ clients: some Collection<ClientName>, sequence: UInt64) {
        beginJSONObject()
        jsonName("sequence")
        appendDecimal(sequence)
        beginJSONArray("clients")
        for client in clients {
            nextJSONElement()
            appendJSONString(client)
        }
        endJSONArray()
        endJSONObject()
    }

    fileprivate mutating func beginCloudEvent(id: String, node: String, type: String, time: String) {
        beginJSONObject()
        jsonField("specversion", string: "1.0")
        jsonField("id", string: id)
        jsonField("source", string: "/pharos/\(node)")
        jsonField("type", string: type)
        jsonField("time", string: time)
        jsonField("datacontenttype", string: "application/json")
    }
}
