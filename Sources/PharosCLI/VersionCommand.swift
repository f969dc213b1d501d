import ArgumentParser
import PharosDomain

/// `pharos version`.
struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

    func run() {
        print("pharos \(PharosVersion.current)")
    }
}
