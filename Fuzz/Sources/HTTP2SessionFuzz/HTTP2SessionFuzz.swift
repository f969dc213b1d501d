import HTTP2Properties

/// Checks one input of libFuzzer's.
///
/// A violated property ends the process, and libFuzzer keeps the input.
///
/// `fatalError`, since a precondition would not say in an optimized build what was violated.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOne(_ bytes: UnsafePointer<UInt8>?, _ length: Int) -> CInt {
    let input = UnsafeRawBufferPointer(start: bytes, count: length)
    if let violation = HTTP2Properties.receive(input) { fatalError(violation) }
    return 0
}
