import ArgumentParser

@main
struct Walctl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "walctl",
        abstract: "Looks into PostgreSQL's WAL the way a safekeeper does, and pushes it to safekeepers.",
        discussion: """
            All commands but push read a folder of WAL segment files: a server's pg_wal, an archive, or what pg_receivewal \
            wrote. PostgreSQL 14 to 17 and every segment size are understood; both are read from the files.
            """,
        subcommands: [Decode.self, Interpret.self, Batches.self, Push.self]
    )
}
