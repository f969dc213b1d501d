import Foundation
import PharosConfiguration

/// Loads a text as if it were a file called `pharos.yaml`.
///
/// Messages name that file without its folder.
func load(
    _ yaml: String? = nil, environment: [String: String] = [:], overrides: [(String, String)] = [],
    development: Bool = false
) throws(ConfigurationError) -> LoadedConfiguration {
    guard let yaml else {
        return try ConfigurationLoader.load(
            environment: environment, overrides: overrides, development: development)
    }
    let folder = NSTemporaryDirectory() + "pharos-" + UUID().uuidString
    try! FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try! FileManager.default.removeItem(atPath: folder) }
    let path = folder + "/pharos.yaml"
    try! Data(yaml.utf8).write(to: URL(filePath: path))
    do throws(ConfigurationError) {
        return try ConfigurationLoader.load(
            file: path, environment: environment, overrides: overrides, development: development)
    } catch {
        var error = error
        for index in error.problems.indices {
            if case .file(_, let line) = error.problems[index].origin {
                error.problems[index].origin = .file("pharos.yaml", line: line)
            }
        }
        throw error
    }
}

/// The problems of a text, one line each; empty if it loads.
func problems(
    _ yaml: String? = nil, environment: [String: String] = [:], overrides: [(String, String)] = [],
    development: Bool = false
) -> [String] {
    do throws(ConfigurationError) {
        _ = try load(yaml, environment: environment, overrides: overrides, development: development)
        return []
    } catch {
        return error.problems.map(\.description)
    }
}

/// The root of the source tree.
let sourceRoot = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
