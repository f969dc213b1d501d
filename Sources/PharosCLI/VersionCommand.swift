import ArgumentParser
import CPharosBuild
import PharosDomain

/// `pharos version`; `pharos --version` says the same.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Print the version, and the commit that it was built from.")

    func run() {
        print(Self.text(commit: String(cString: pharos_build_commit())))
    }

    /// The line that both print, with the commit where the build was told which it is.
    static func text(commit: String) -> String {
        "pharos \(PharosVersion.current)" + (commit.isEmpty ? "" : " (\(commit))")
    }
}
