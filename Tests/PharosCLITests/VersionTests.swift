import ArgumentParser
import PharosDomain
import Testing

@testable import PharosCLI

@Suite("Version")
struct VersionTests {
    @Test("the commit stands behind the version")
    func commit() {
        #expect(VersionCommand.text(commit: "0123456789ab") == "pharos \(PharosVersion.current) (0123456789ab)")
    }

    @Test("a build that was not told its commit says its version alone")
    func withoutCommit() {
        #expect(VersionCommand.text(commit: "") == "pharos \(PharosVersion.current)")
    }

    @Test("the option says what the command says")
    func option() {
        #expect(PharosCommand.configuration.version.hasPrefix("pharos \(PharosVersion.current)"))
    }
}
