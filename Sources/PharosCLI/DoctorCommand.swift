import ArgumentParser
import Pharos
import PharosConfiguration
import PharosDomain
import PharosEdge

/// `pharos doctor`: judges this machine for a configuration.
///
/// It says whether the server can do what it is configured for.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Look for what would keep the server from working, and say how to fix it.",
        discussion: "Ends with status 1 if something must be fixed.")

    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        var findings: [Doctor.Finding] = []
        var configuration: PharosConfiguration?
        do throws(ConfigurationError) {
            let loaded = try options.load()
            configuration = loaded.configuration
            findings.append(Doctor.Finding(severity: .fine, subject: "configuration", message: "loads"))
            findings += Doctor.environment(loaded.passedOver)
        } catch {
            findings += Doctor.environment(error.notices)
            for problem in error.problems {
                findings.append(
                    Doctor.Finding(severity: .broken, subject: "configuration", message: problem.description))
            }
        }
        var facts = SystemFacts.read(
            ports: Doctor.ports(of: configuration), origins: Doctor.origins(of: configuration),
            store: Doctor.store(of: configuration))
        let processors = UsableProcessors.current()
        (facts.cores, facts.coresText) = (processors.count, processors.text)
        findings += Doctor.examine(facts, configuration)
        if let settings = configuration?.settings, let engine = EngineProbe.look(settings, seconds: 5) {
            findings += Doctor.engine(settings.engine, engine)
        }
        for finding in findings { print(finding.text) }
        if findings.contains(where: { $0.severity == .broken }) { throw ExitCode(1) }
    }
}
