import PharosDomain
import PharosProtocol
import PharosServices
import PharosTestKit
import Testing

extension Stories {
    /// Deltas and deflate: the same publications in fewer bytes.
    @Suite("deltas and compression")
    struct Compression {
        private static func allowDeltas(_ settings: inout ServerSettings) {
            settings.namespace("log") {
                $0.allowedDeltaTypes = ["fossil"]
                $0.deltaPublish = true
            }
        }

        /// Payloads that resemble each other, with one in between that does not.
        private static func payload(_ number: Int) -> String {
            if number % 7 == 0 { return "\"\(String((0..<400).map { _ in "abcdefgh".randomElement()! }))\"" }
            let items = (0..<40).map { "\"item \($0)\":\($0 == number % 40 ? number : 1)" }
            return "{\(items.joined(separator: ","))}"
        }

        @Test("deltas applied are the payloads that others get whole", arguments: StorySetting.all)
        func deltas(_ setting: StorySetting) async throws {
            try await play(setting, Compression.allowDeltas) { server in
                let plain = try server.connected(to: "log:a")
                let reader = try server.connected()
                #expect(try reader.subscribe("log:a") { $0.delta = "fossil" }.delta)
                var base: [UInt8]?
                var deltas = 0
                for number in 1...60 {
                    // A client that comes in the middle begins with a whole one, and disturbs no other.
                    if number == 30 {
                        let late = try server.connected()
                        try late.subscribe("log:a") { $0.delta = "fossil" }
                        await server.publish("log:a", Compression.payload(number))
                        let first = try late.publication().publication
                        #expect(!first.isDelta)
                        late.cut()
                    } else {
                        await server.publish("log:a", Compression.payload(number))
                    }
                    let expected = try plain.publication().publication
                    let got = try reader.publication().publication
                    #expect(got.offset == expected.offset)
                    base = try Whole.payload(got, base, setting.wire)
                    #expect(base == expected.data)
                    if got.isDelta { deltas += 1 }
                }
                #expect(deltas >= 40)
            }
        }

        @Test(
            "a recovered list is a chain of deltas that begins whole, and live ones follow it",
            arguments: StorySetting.all)
        func recovered(_ setting: StorySetting) async throws {
            try await play(setting, Compression.allowDeltas) { server in
                let plain = try server.connected(to: "log:a")
                let start = try server.connected().subscribe("log:a")
                for number in 1...20 { await server.publish("log:a", Compression.payload(number)) }
                let reader = try server.connected()
                let result = try reader.subscribe("log:a") {
                    $0.delta = "fossil"
                    $0.recover = true
                    $0.offset = 5
                    $0.epoch = start.epoch
                }
                #expect(result.recovered)
                #expect(result.publications.count == 15)
                #expect(result.publications.first?.isDelta == false)
                #expect(result.publications.count { $0.isDelta } > 0)
                var payloads: [[UInt8]] = []
                for _ in 1...20 { payloads.append(try plain.publication().publication.data) }
                var base: [UInt8]?
                for (index, publication) in result.publications.enumerated() {
                    base = try Whole.payload(publication, base, setting.wire)
                    #expect(base == payloads[5 + index])
                }
                for number in 21...40 {
                    await server.publish("log:a", Compression.payload(number))
                    let expected = try plain.publication().publication
                    base = try Whole.payload(reader.publication().publication, base, setting.wire)
                    #expect(base == expected.data)
                }
            }
        }

        @Test(
            "who agreed on deflate gets long messages compressed, and everybody the same", arguments: StorySetting.all)
        func deflate(_ setting: StorySetting) async throws {
            try await play(
                setting,
                {
                    $0.transports.compression = true
                    $0.transports.compressionMinSize = 200
                }
            ) { server in
                let link = DeflateLink(try server.http().link)
                let client = try TestClient(link, wire: setting.wire, headers: [DeflateLink.offer])
                #expect(try #require(link.agreement).contains("permessage-deflate"))
                #expect(try #require(link.agreement).contains("server_no_context_takeover"))
                try client.connect()
                try client.subscribe("log:a")
                let plain = try server.connected(to: "log:a")
                var lengths = 0
                for number in 1...40 {
                    let data = number % 2 == 0 ? "\(number)" : Compression.payload(number)
                    if number % 2 == 1 { lengths += data.utf8.count }
                    await server.publish("log:a", data)
                    let expected = try plain.publication().publication
                    #expect(try client.publication().publication == expected)
                    #expect(text(expected.data) == data)
                }
                #expect(link.compressedSizes.count == 20)
                #expect(link.compressedSizes.reduce(0, +) * 2 < lengths)
            }
        }

        @Test("without the offer, or with compression off, nothing is compressed", arguments: [true, false])
        func noDeflate(_ isOn: Bool) async throws {
            try await play(StorySetting(), { $0.transports.compression = isOn }) { server in
                let link = DeflateLink(try server.http().link)
                let client = try TestClient(link, wire: .json, headers: isOn ? [] : [DeflateLink.offer])
                #expect(link.agreement == nil)
                try client.connect()
                try client.subscribe("news")
                await server.publish("news", Compression.payload(1))
                #expect(text(try client.publication().publication.data) == Compression.payload(1))
                #expect(link.compressedSizes == [])
            }
        }
    }
}
