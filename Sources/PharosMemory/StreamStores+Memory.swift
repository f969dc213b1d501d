package import PharosDomain

extension StreamStores {
    /// All streams live in the process' memory.
    package static var inMemory: StreamStores { StreamStores { MemoryStreams() } }
}
