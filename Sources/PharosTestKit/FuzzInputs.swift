import FoundationEssentials

/// The inputs of one fuzzer: its seeds, and those on which it once failed.
package struct FuzzInputs {
    package let seeds: [(name: String, bytes: [UInt8])]
    package let failures: [(name: String, bytes: [UInt8])]

    /// - Parameter fuzzer: its name in `Fuzz`.
    package init(of fuzzer: String) throws {
        seeds = try FuzzInputs.files("Corpus/\(fuzzer)")
        failures = try FuzzInputs.files("Failures/\(fuzzer)")
    }

    /// The property that an input violates, for each that does, with the input's name.
    package func violations(of property: (UnsafeRawBufferPointer) -> String?) -> [String] {
        (seeds + failures).compactMap { name, bytes in
            bytes.withUnsafeBytes { property($0) }.map { "\(name): \($0)" }
        }
    }

    /// The files of a folder in `Fuzz`, in the order of their names.
    private static func files(_ folder: String) throws -> [(name: String, bytes: [UInt8])] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let path = root.appending(path: "Fuzz/\(folder)")
        let names = try FileManager.default.contentsOfDirectory(atPath: path.path).filter { !$0.hasPrefix(".") }
        return try names.sorted().map { ($0, Array(try Data(contentsOf: path.appending(path: $0)))) }
    }
}
