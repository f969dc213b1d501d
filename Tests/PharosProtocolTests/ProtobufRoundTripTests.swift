import PharosDomain
import PharosProtocol
import PharosTestKit
import Testing

@Suite("Protobuf: there and back")
struct ProtobufRoundTripTests {
    private typealias Samples = ProtobufSamples

    @Test("every kind of request comes back as it was, alone and many in one frame")
    func commands() throws {
        let commands = Samples.requests.enumerated().map { Command(id: UInt32($0.offset), request: $0.element) }
        for command in commands { #expect(try Samples.commands(Samples.encode(command)) == [command]) }
        #expect(try Samples.commands(commands.flatMap(Samples.encode)) == commands)
        let last = Command(id: .max, request: nil)
        #expect(try Samples.commands(Samples.encode(last)) == [last])
    }

    @Test("every kind of reply and push comes back as it was, alone and many in one frame")
    func messages() throws {
        for message in Samples.messages { #expect(try Samples.messages(Samples.encode(message)) == [message]) }
        #expect(try Samples.messages(Samples.messages.flatMap(Samples.encode)) == Samples.messages)
    }

    @Test("lengths around each width of the prefix survive, at every depth of nesting")
    func lengths() throws {
        for size in Array(100...140) + Array(16_360...16_400) + [2_097_150, 2_097_153] {
            let data = [UInt8](repeating: 0x80, count: size)
            let send = Command(id: 1, request: .send(data: data))
            #expect(try Samples.commands(Samples.encode(send)) == [send])
            var request = ConnectRequest()
            request.subscriptions["c"] = SubscribeRequest()
            request.subscriptions["c"]?.data = data
            let connect = Command(id: 1, request: .connect(request))
            #expect(try Samples.commands(Samples.encode(connect)) == [connect])
        }
    }

    @Test("a command cut short anywhere is malformed, and commands before it do not come through alone")
    func truncation() throws {
        for request in Samples.requests {
            let frame = Samples.encode(Command(id: 9, request: request))
            // Every byte of short frames, the interesting ends of long ones.
            let cuts = frame.count < 1_000 ? Array(1..<frame.count) : Array(1..<50) + [frame.count - 1]
            for cut in cuts {
                #expect(throws: MalformedFrame.self) { try Samples.commands(Array(frame[..<cut])) }
                #expect(throws: MalformedFrame.self) { try Samples.commands([0] + Array(frame[..<cut])) }
            }
        }
    }

    @Test("a reply cut short anywhere is malformed")
    func truncatedReplies() throws {
        for message in Samples.messages {
            let frame = Samples.encode(message)
            for cut in 0..<frame.count {
                #expect(throws: MalformedFrame.self) { try Samples.messages(Array(frame[..<cut])) }
            }
        }
    }

    @Test("a frame cut inside its messages, the length prefix repaired, is malformed or means less, and never crashes")
    func truncatedInside() {
        for request in Samples.requests {
            let frame = Samples.encode(Command(id: 9, request: request))
            for cut in stride(from: 0, to: min(frame.count, 400), by: 1) {
                _ = try? Samples.commands(Samples.framed(Array(frame.dropFirst().prefix(cut))))
            }
        }
        for message in Samples.messages {
            let frame = Samples.encode(message)
            for cut in 0..<frame.count {
                _ = try? Samples.messages(Samples.framed(Array(frame.dropFirst().prefix(cut))))
            }
        }
    }

    @Test("any one byte changed is understood or refused, and never crashes")
    func mutations() {
        var generator = SeededGenerator(seed: 42)
        let frames =
            Samples.requests.map { Samples.encode(Command(id: 9, request: $0)) }.filter { $0.count < 1_000 }
        for frame in frames {
            for index in frame.indices {
                var changed = frame
                changed[index] = UInt8.random(in: 0...255, using: &generator)
                // A command that is malformed in itself has an id, and is not written.
                let all = try? Samples.commands(changed)
                let commands = all?.filter { !$0.isMalformed(isConnect: false) && !$0.isMalformed(isConnect: true) }
                if let commands, !commands.isEmpty {
                    #expect((try? Samples.commands(commands.flatMap(Samples.encode))) == commands)
                }
            }
        }
        for message in Samples.messages {
            let frame = Samples.encode(message)
            for index in frame.indices {
                var changed = frame
                changed[index] = UInt8.random(in: 0...255, using: &generator)
                if let messages = try? Samples.messages(changed), !messages.isEmpty {
                    #expect((try? Samples.messages(messages.flatMap(Samples.encode))) == messages)
                }
            }
        }
    }
}
