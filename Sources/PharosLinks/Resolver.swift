import PharosBytes

#if canImport(Glibc)
    import Glibc
#endif

/// Names to addresses.
///
/// On a thread of their own, since the system's resolver blocks.
enum Resolver {
    /// Looks a name up and says the addresses as text, in the system's order.
    ///
    /// - Parameter answer: called once, on another thread.
    static func resolve(_ host: String, answer: @escaping @Sendable (Result<[String], LinkFailure>) -> Void) {
        if isAddress(host) { return answer(.success([host])) }
        do throws(SystemThread.StartFailure) {
            let thread = try SystemThread(name: "pharos-resolve") { answer(look(host)) }
            thread.detach()
        } catch {
            answer(.failure(.unresolved("\(error)")))
        }
    }

    static func isAddress(_ host: String) -> Bool {
        var four = in_addr()
        var six = in6_addr()
        return inet_pton(AF_INET, host, &four) == 1 || inet_pton(AF_INET6, host, &six) == 1
    }

    private static func look(_ host: String) -> Result<[String], LinkFailure> {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, nil, &hints, &list)
        guard code == 0 else { return .failure(.unresolved(String(cString: gai_strerror(code)))) }
        defer { freeaddrinfo(list) }
        var addresses: [String] = []
        var next = list
        while let entry = next {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let failed = getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
            if failed == 0 {
                let end = text.firstIndex(of: 0) ?? text.count
                let address = String(decoding: text[..<end].map { UInt8(bitPattern: $0) }, as: UTF8.self)
                if !addresses.contains(address) { addresses.append(address) }
            }
            next = entry.pointee.ai_next
        }
        return addresses.isEmpty ? .failure(.unresolved("no address")) : .success(addresses)
    }
}
