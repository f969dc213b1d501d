/// Values that wait for an answer, by the ticket that the answer will name.
///
/// A ticket is never given twice: it holds the number of a slot and how often the slot was used, so that a second answer,
/// or a late one, finds nothing. Not thread-safe. Public, since the compiler gives other modules the bodies of what is
/// public and inlinable, and specializes generic code only then; not of `package`.
@frozen public struct TicketTable<Value> {
    @usableFromInline struct Slot {
        @usableFromInline var value: Value?
        @usableFromInline var uses: UInt32 = 0

        @inlinable init() {}
    }

    @usableFromInline var slots: [Slot] = []
    @usableFromInline var free: [UInt32] = []

    @inlinable public init() {}

    /// Values that wait.
    @inlinable public var count: Int { slots.count - free.count }
    @inlinable public var isEmpty: Bool { count == 0 }

    /// Keeps a value and gives its ticket, which is never 0.
    @inlinable public mutating func add(_ value: Value) -> UInt64 {
        let index: UInt32
        if let reused = free.popLast() {
            index = reused
        } else {
            index = UInt32(slots.count)
            slots.append(Slot())
        }
        slots[Int(index)].uses &+= 1
        if slots[Int(index)].uses == 0 { slots[Int(index)].uses = 1 }
        slots[Int(index)].value = value
        return UInt64(slots[Int(index)].uses) << 32 | UInt64(index)
    }

    /// The value under a ticket; nil if its answer has come.
    ///
    /// Assigning nil takes it out.
    @inlinable public subscript(ticket: UInt64) -> Value? {
        get { index(of: ticket).flatMap { slots[$0].value } }
        set {
            guard let index = index(of: ticket) else { return }
            slots[index].value = newValue
            if newValue == nil { free.append(UInt32(index)) }
        }
    }

    /// Takes out the value that an answer is for; nil for a late or second answer.
    @inlinable public mutating func take(_ ticket: UInt64) -> Value? {
        guard let index = index(of: ticket) else { return nil }
        var taken: Value?
        swap(&taken, &slots[index].value)
        free.append(UInt32(index))
        return taken
    }

    /// Changes a value where it stands; nil if its answer has come.
    @inlinable public mutating func update<Result>(_ ticket: UInt64, _ body: (inout Value) -> Result) -> Result? {
        guard let index = index(of: ticket) else { return nil }
        return body(&slots[index].value!)
    }

    @inlinable public func index(of ticket: UInt64) -> Int? {
        let index = Int(ticket & 0xFFFF_FFFF)
        guard index < slots.count, UInt64(slots[index].uses) == ticket >> 32, slots[index].value != nil else {
            return nil
        }
        return index
    }
}
