import ArgumentParser
import CLinux
import PageserverServer
import ServerSupport

@main
struct PageserverCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pageserver",
        abstract: "Receives PostgreSQL's WAL from safekeepers, and keeps every version of every page.",
        discussion: """
            One process has any number of shards: those that lie in its working directory, where `pageserver import` has \
            made them of a base backup.

              pageserver import --workdir /srv/ps --tenant-id … --timeline-id … --pg-version 15 --archive base.tar
              pageserver --config pageserver.toml --workdir /srv/ps &
              curl http://127.0.0.1:9898/v1/status

            Each setting is a flag, or a key of the same name in a file: --listen-http-addr is listen_http_addr. Flags \
            win over the file. Safekeepers and tenants are set in the file only. config/pageserver.toml has everything, \
            with types, ranges and defaults; --print-config prints it.

            SIGTERM and SIGINT stop it in order, a second one at once, as does SIGQUIT. What was reported as durable is \
            durable however it ends. Exit status: 0 after an orderly stop, 1 if it can't start, or a part of it fails, or \
            the stop takes longer than --shutdown-timeout; 64 for flags that are none; 128 and the signal's number after \
            a stop at once.
            """,
        version: PageserverVersion.text,
        subcommands: [ServeCommand.self, ImportCommand.self],
        defaultSubcommand: ServeCommand.self
    )
}

/// What is done unless something else is asked for.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Receives WAL into all shards of the working directory."
    )

    @Option(name: .shortAndLong, help: ArgumentHelp("A file with settings.", valueName: "file"))
    var config: String?
    @Flag(help: "Print a configuration file with every key explained, and end.")
    var printConfig = false
    @OptionGroup(title: "Settings") var options: PageserverOptions
    @OptionGroup(title: "Process") var process: ProcessOptions<PageserverConfiguration>

    /// What the file and the flags set.
    func settings() throws(ConfigurationError) -> PageserverConfiguration {
        var settings = PageserverConfiguration()
        if let config { try settings.apply(file: config) }
        try settings.apply(flags: options.settings + process.settings)
        return settings
    }

    /// Allocations of this size and more are not put among others.
    ///
    /// Those of RocksDB's tables in memory are 1 MiB each, of whichever thread commits. Freed among others, they would leave
    /// holes in the heap of every thread, and the process would grow for hours before it stays where it is.
    private static let mappedAllocation: Int32 = 512 << 10

    func run() async throws {
        if printConfig { return print(SettingKey<PageserverConfiguration>.fileText, terminator: "") }
        _ = linux_map_large_allocations(Self.mappedAllocation)
        do {
            let settings = try settings()
            let process = ServerProcess(program: "pageserver", version: PageserverVersion.text)
            try await process.run(settings) { log, metrics in
                try await Pageserver.start(settings, log: log, metrics: metrics)
            }
        } catch {
            StandardError.tell("pageserver: \(error)")
            throw ExitCode.failure
        }
    }
}
