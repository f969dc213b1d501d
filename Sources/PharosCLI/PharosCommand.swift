import ArgumentParser
import CPharosBuild

/// `pharos`: the server and the tools around it.
@main
struct PharosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pharos",
        abstract: "Real-time messaging: a back end publishes once, every connected client gets it, in order.",
        discussion: """
            Try it:
              pharos serve --dev                       a server for development, on this machine only
              pharos sub news                          print a channel live
              pharos pub news '{"text":"hello"}'       publish to it

            Everything that serve understands: pharos config default, or docs/configuration.md.
            """,
        version: VersionCommand.text(commit: String(cString: pharos_build_commit())),
        subcommands: [
            ServeCommand.self, PubCommand.self, SubCommand.self, TokenCommand.self, ConfigCommand.self,
            BenchCommand.self, DoctorCommand.self, HealthCommand.self, VersionCommand.self,
        ])
}
