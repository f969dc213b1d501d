import PharosDomain

/// The epoch of a channel that has no message in its stream.
///
/// It has to be the same on each node until the first message is stored, which carries it from then on, and another one
/// than before whenever the channel's memory was lost. It is made from the channel's name and two things:
///
/// - the *salt* of the stream, a random text in a message of the stream that never expires. A stream that was deleted,
///   made anew or purged has lost it together with all its channels, so the next one who needs a salt stores another.
/// - the number of the *span* of the server's time, half as long as the memory of the stream's channels. A channel is
///   empty again only after its last message has expired, a whole memory after it was stored: that is another span, even
///   where two nodes' notion of the server's time differs by less than half a memory.
///
/// Clients of a channel that is still empty see another epoch when a span ends. They have nothing to lose then.
enum FirstEpoch {
    static func of(_ channel: ChannelName, salt: [UInt8], memoryMs: Int64, serverMs: Int64) -> Epoch {
        let span = memoryMs > 1 ? UInt64(max(serverMs / (memoryMs / 2), 0)) : 0
        let seed = FirstEpochs.hash(salt, span &* 0x9e37_79b9_7f4a_7c15)
        return FirstEpochs.name(FirstEpochs.hash(channel.utf8, seed))
    }

    static func random() -> Epoch { FirstEpochs.name(.random(in: .min ... .max)) }
}
