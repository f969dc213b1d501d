import PharosDomain

/// The bits of `flag` in a subscribe command.
///
/// 1 asks for channel compaction, which is not offered and changes nothing.
enum SubscribeFlag {
    private static var rejectUnrecovered: Int64 { 2 }

    static func rejectsUnrecovered(_ flag: Int64) -> Bool { flag & rejectUnrecovered != 0 }

    static func flag(of request: SubscribeRequest) -> Int64 { request.rejectsUnrecovered ? rejectUnrecovered : 0 }
}

extension UnsupportedWishes {
    mutating func set(_ wish: UnsupportedWishes, _ isWished: Bool) {
        if isWished { insert(wish) } else { remove(wish) }
    }

    /// Of all values of `type`, 0 alone is served.
    mutating func set(type: Int32) { set(.otherType, type != 0) }

    var type: Int32 { contains(.otherType) ? 1 : 0 }
}
