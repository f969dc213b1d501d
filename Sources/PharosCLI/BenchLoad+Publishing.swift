import CPharosSys
import Glibc
import PharosBytes

/// Sends messages at their pace.
///
/// It is a closed loop, or a rate whatever the receivers do.
extension BenchLoad {
    mutating func publishAll() throws(WireClientError) {
        try openPublishers()
        prepareRequests()
        stall()
        isBroken = false
        let began = pharos_monotonic_ns()
        let end = plan.count == nil ? began + Int64(plan.durationSeconds * 1e9) : Int64.max
        lastProgressNs = began
        while !isBroken, result.published < plan.count ?? Int.max {
            let now = pharos_monotonic_ns()
            if now >= end || now - lastProgressNs > Self.patienceNs { break }
            turn(timeoutMs: publishDue(began: began, now: now))
        }
        result.publishSeconds = Double(pharos_monotonic_ns() - began) / 1e9
        result.expected = zip(sequences, readers).reduce(0) { $0 + UInt64($1.0) * UInt64($1.1) }
        let sentAll = pharos_monotonic_ns()
        lastProgressNs = max(lastProgressNs, sentAll)
        while !isBroken, result.delivered < result.expected || publishers.contains(where: { $0.hasUnanswered }) {
            if pharos_monotonic_ns() - lastProgressNs > Self.drainNs { break }
            turn(timeoutMs: 100)
        }
        result.deliverSeconds = Double(max(lastProgressNs, began + 1) - began) / 1e9
    }

    private mutating func openPublishers() throws(WireClientError) {
        for index in 0..<min(plan.publishers, plan.channels) {
            let socket = pharos_connect(plan.host, plan.publishPort ?? plan.port, 1, nil)
            guard socket >= 0 else { throw WireClientError("a publisher cannot connect", code: Int(socket)) }
            publishers.append(BenchPublisher(socket: socket))
            watch(index)
        }
    }

    private func watch(_ index: Int) {
        let interest = publishers[index].isBlocked ? PHAROS_READ | PHAROS_WRITE : PHAROS_READ
        let owner = UInt64(plan.connections + index)
        // Add, and where it is there already, modify.
        if pharos_epoll_control(epoll, 1, publishers[index].socket, interest, owner, 0) != 0 {
            _ = pharos_epoll_control(epoll, 2, publishers[index].socket, interest, owner, 0)
        }
    }

    private mutating func prepareRequests() {
        var address = WireClientAddress(host: plan.host, port: plan.publishPort ?? plan.port)
        let key = plan.apiKey.map { "X-API-Key: \($0)\r\n" } ?? ""
        for channel in 0..<plan.channels {
            address.path = plan.peer.publisherPath(channel: channel)
            let frame = plan.peer.bodyFrame(channel: channel)
            let filling = String(repeating: "x", count: plan.size - BenchMarker.size)
            let length = frame.before.utf8.count + plan.size + frame.after.utf8.count
            let head = """
                POST \(address.path) HTTP/1.1\r
                Host: \(address.authority)\r
                Content-Type: application/json\r
                \(key)Content-Length: \(length)\r
                \r
                \(frame.before)
                """
            requestHeads.append(Array(head.utf8))
            if channel == 0 { requestTail = Array((filling + frame.after).utf8) }
        }
        readers = [UInt32](repeating: 0, count: plan.channels)
        sequences = readers
        for index in plan.stalled..<plan.connections where connections[index].stage == .ready {
            for channel in plan.channels(of: index) { readers[channel] += 1 }
        }
        var size = 1024
        if case .closed(let limit) = plan.pace { while size < 4 * limit { size *= 2 } }
        missing = [UInt32](repeating: 0, count: size)
    }

    /// Lets the first connections stop reading.
    ///
    /// The bench shows how the server copes with that.
    private mutating func stall() {
        for index in 0..<plan.stalled where connections[index].stage == .ready {
            _ = pharos_epoll_control(epoll, 3, connections[index].socket, 0, 0, 0)
            connections[index].stage = .stalled
        }
    }

    /// Publishes what is due; returns how long nothing else will be.
    private mutating func publishDue(began: Int64, now: Int64) -> Int32 {
        var timeoutMs: Int32 = 1000
        var touched = false
        switch plan.pace {
        case .closed(let limit):
            while outstanding < limit, result.published < plan.count ?? Int.max, publish(now) { touched = true }
        case .rate(let rate):
            let due = Int(Double(now - began) * rate / 1e9) + 1
            while result.published < min(due, plan.count ?? Int.max) {
                let planned = began + Int64(Double(result.published) * 1e9 / rate)
                guard publish(now) else { break }
                result.lagNanoseconds = max(result.lagNanoseconds, UInt64(max(0, now - planned)))
                touched = true
            }
            let next = began + Int64(Double(result.published) * 1e9 / rate)
            timeoutMs = Int32(clamping: max(0, (next - now + 999_999) / 1_000_000))
        }
        if touched { writeAll() }
        return min(timeoutMs, 1000)
    }

    /// Queues the next message; false when it has no room yet.
    private mutating func publish(_ now: Int64) -> Bool {
        let channel = result.published % plan.channels
        let slot = Int(nextNumber) & (missing.count - 1)
        let publisher = publishers[channel % publishers.count]
        // A message that never arrived may still hold the slot.
        if case .closed = plan.pace, missing[slot] != 0 { return false }
        guard publisher.hasRoom else { return false }
        // The time of this message, not of the turn: a burst takes a while to write.
        let marker = BenchMarker(
            sentAt: UInt64(pharos_monotonic_ns()), sequence: sequences[channel], channel: UInt32(channel),
            number: nextNumber)
        let head = requestHeads[channel]
        let tail = requestTail
        publisher.add(number: nextNumber) { request in
            request.append(head)
            marker.append(to: &request)
            request.append(tail)
        }
        missing[slot] = readers[channel] + 1
        outstanding += 1
        sequences[channel] += 1
        nextNumber += 1
        result.published += 1
        return true
    }

    private mutating func writeAll() {
        for index in publishers.indices {
            let wasBlocked = publishers[index].isBlocked
            if !publishers[index].write() { losePublisher() }
            if publishers[index].isBlocked != wasBlocked { watch(index) }
        }
    }

    private mutating func losePublisher() {
        isBroken = true
        result.refused += 1
        result.refusal = "the server closed a publisher's connection"
    }

    mutating func handle(publisher index: Int, _ events: UInt32) {
        if events & PHAROS_WRITE != 0 { writeAll() }
        guard events & (PHAROS_READ | PHAROS_HANGUP) != 0, !isBroken else { return }
        let publisher = publishers[index]
        let count = pharos_recv(publisher.socket, buffer.baseAddress, buffer.count)
        if count == -Int(pharos_eagain) || count == -Int(EINTR) { return }
        guard count > 0 else { return losePublisher() }
        var answers: [(UInt32, BenchPublisher.Answer)] = []
        let isHTTP = publisher.receive(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<count])) {
            answers.append(($0, $1))
        }
        for (number, answer) in answers {
            if case .refused(let why) = answer {
                result.refused += 1
                result.refusal = why
            }
            reached(number)
        }
        lastProgressNs = pharos_monotonic_ns()
        if !isHTTP { losePublisher() }
    }

    /// One of those who missed a message has it now.
    mutating func reached(_ number: UInt32) {
        let slot = Int(number) & (missing.count - 1)
        // At a rate, slots are used again without waiting, and outstanding messages are not counted.
        guard nextNumber &- number <= missing.count, missing[slot] > 0 else { return }
        missing[slot] -= 1
        if missing[slot] == 0 { outstanding -= 1 }
    }
}
