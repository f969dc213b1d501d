import PharosDomain

@testable import PharosServices

/// The properties of messages between nodes, for any input.
///
/// Each function says which property is violated, or nil.
package enum NodeProperties {
    /// A message that is read is written so that it is read as the same.
    ///
    /// Answers can be added to each other, whatever is in them.
    package static func frames(_ input: UnsafeRawBufferPointer) -> String? {
        guard let frame = try? NodeFrame.decode(Array(input)) else { return nil }
        guard let again = try? NodeFrame.decode(frame.encoded()) else { return "not read again: \(frame)" }
        guard letters(again) == letters(frame) else { return "another message: \(frame), \(again)" }
        if case .answer(_, let answer?) = frame.content {
            var sum = answer
            sum.add(answer)
            sum.add(.failed(.internalError))
        }
        return nil
    }

    /// The letters of a value's text in their order.
    ///
    /// Dictionaries have none of their own.
    private static func letters(_ value: Any) -> [UInt8] { "\(value)".utf8.sorted() }

    /// Parts make no other message than the one that was cut.
    ///
    /// In any order, several times, and of several messages.
    ///
    /// The input is a list of parts, each of five bytes: sender and id, index, count, number of bytes, the moment.
    package static func fragments(_ input: UnsafeRawBufferPointer) -> String? {
        var fragments = NodeFragments()
        var nowMs: Int64 = 0
        var rest = input[...]
        while rest.count >= 5 {
            let part = Array(rest.prefix(5))
            rest = rest.dropFirst(5)
            nowMs += Int64(part[4]) * 50
            fragments.expire(nowMs: nowMs)
            let (sender, id) = (UInt64(part[0] & 3), UInt64(part[0] >> 2 & 7))
            let (index, count) = (UInt64(part[1]), UInt64(part[2]))
            let fragment = NodeFragment(
                id: id, index: index, count: count, bytes: content(sender, id, index, Int(part[3])))
            let whole = fragments.add(fragment, from: sender, nowMs: nowMs)
            guard fragments.keptBytes >= 0 else { return "less than nothing is kept" }
            guard let whole else { continue }
            // Every byte says whose it is, and the parts are in their order.
            let owner = UInt8(sender << 3 | id)
            guard whole.count.isMultiple(of: 2) else { return "a part that was cut" }
            var last: UInt8 = 0
            for place in stride(from: 0, to: whole.count, by: 2) {
                guard whole[place] == owner else { return "a part of another message" }
                guard whole[place + 1] >= last else { return "parts in another order" }
                last = whole[place + 1]
            }
        }
        fragments.expire(nowMs: .max)
        return fragments.keptBytes == 0 ? nil : "something is kept for ever"
    }

    private static func content(_ sender: UInt64, _ id: UInt64, _ index: UInt64, _ pairs: Int) -> [UInt8] {
        (0..<pairs).flatMap { _ in [UInt8(sender << 3 | id), UInt8(index)] }
    }
}
