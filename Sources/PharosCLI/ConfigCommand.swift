import ArgumentParser
import PharosConfiguration

/// `pharos config`: look at a configuration without starting a server.
struct ConfigCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config", abstract: "Check and show the configuration.",
        subcommands: [Check.self, Show.self, Import.self, Default.self, Docs.self])

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Report everything that is wrong with the configuration.")

        @OptionGroup var options: ConfigurationOptions

        func run() throws {
            let loaded = try options.loadOrExit()
            for notice in loaded.notices { print("note: \(notice)") }
            print("The configuration is good.")
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print each value with its origin; secrets only by length.")

        @Flag(help: "Only keys whose value is not their default.")
        var changed = false

        @OptionGroup var options: ConfigurationOptions

        func run() throws {
            print(try options.loadOrExit().report(changedOnly: changed))
        }
    }

    struct Default: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print a file with all keys and their defaults.")

        func run() {
            print(DefaultFile.yaml(), terminator: "")
        }
    }

    struct Docs: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Print the reference page of all keys, in Markdown.")

        @Flag(help: "Print instead the page of Centrifugo's keys and what becomes of each.")
        var centrifugo = false

        func run() {
            print(centrifugo ? CentrifugoPage.markdown() : ReferencePage.markdown(), terminator: "")
        }
    }
}
