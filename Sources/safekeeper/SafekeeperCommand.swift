import ArgumentParser
import SafekeeperServer
import ServerSupport

@main
struct SafekeeperCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "safekeeper",
        abstract: "Keeps PostgreSQL's WAL durably, as one of a quorum.",
        discussion: """
            A proposer (a compute of Neon's, or this project's proposer for stock servers) sends WAL to several \
            safekeepers; it is committed once a majority has it. Pageservers fetch it from them.

            Each setting is a flag, or a key of the same name in a file: --listen-pg is listen_pg. Flags win over the \
            file. config/safekeeper.toml has them all, with their types, ranges and defaults; --print-config prints it.

            Three safekeepers on one machine:

              for i in 1 2 3; do
                mkdir -p /srv/sk$i
                safekeeper --id $i --datadir /srv/sk$i \\
                  --listen-pg 127.0.0.1:545$i --listen-http 127.0.0.1:767$i &
              done
              curl http://127.0.0.1:7671/v1/status

            SIGTERM and SIGINT stop it in order, a second one at once, as does SIGQUIT. What was acknowledged is durable \
            however it ends. Exit status: 0 after an orderly stop, 1 if it can't start, or a part of it fails, or the \
            stop takes longer than --shutdown-timeout; 64 for flags that are none; 128 and the signal's number after a \
            stop at once.
            """,
        version: SafekeeperVersion.text
    )

    @Option(name: .shortAndLong, help: ArgumentHelp("A file with settings.", valueName: "file"))
    var config: String?

    @OptionGroup(title: "Node") var node: NodeOptions
    @OptionGroup(title: "Listening") var listening: ListeningOptions
    @OptionGroup(title: "Encryption of the ports for WAL") var encryption: EncryptionOptions
    @OptionGroup(title: "Authentication") var authentication: AuthenticationOptions
    @OptionGroup(title: "Storage") var storage: StorageOptions
    @OptionGroup(title: "WAL from proposers") var proposers: ProposerOptions
    @OptionGroup(title: "WAL to receivers") var receivers: ReceiverOptions
    @OptionGroup(title: "Process") var process: ProcessOptions<SafekeeperConfiguration>
    @OptionGroup(title: "Instead of serving") var tools: ToolOptions

    /// What the file and the flags set.
    func settings() throws(ConfigurationError) -> SafekeeperConfiguration {
        var settings = SafekeeperConfiguration()
        if let config { try settings.apply(file: config) }
        let groups: [any SettingOptions] = [
            node, listening, encryption, authentication, storage, proposers, receivers, process,
        ]
        try settings.apply(flags: groups.flatMap(\.settings))
        return settings
    }

    func run() async throws {
        if tools.printConfig { return print(ConfigurationKey.fileText, terminator: "") }
        do {
            if let path = tools.dumpControlFile { return try tools.dump(path) }
            let settings = try settings()
            if tools.initialize {
                return StandardError.tell("initialized safekeeper id \(try await Safekeeper.initialize(settings))")
            }
            let process = ServerProcess(
                program: "safekeeper",
                version: SafekeeperVersion.text,
                catalogue: .safekeeper
            )
            try await process.run(settings) { log, metrics in
                try await Safekeeper.start(settings, log: log, metrics: metrics)
            }
        } catch {
            StandardError.tell("safekeeper: \(error)")
            throw ExitCode.failure
        }
    }
}
