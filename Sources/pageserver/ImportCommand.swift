import ArgumentParser
import Ingest
import PageserverServer
import PostgresWAL
import ServerSupport
import ShardIdentity

/// Makes shards of a base backup.
struct ImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Makes the shards of a timeline from a base backup.",
        discussion: """
            The backup is what pg_basebackup has made, as a directory or, with -Ft and without compression, as base.tar; or \
            the data directory of a server that was shut down. It is read once for all shards. The LSN that is printed is \
            where WAL has to go on. A pageserver that runs on the working directory sees new shards when it is started again.
            """
    )

    @Option(name: [.customShort("D"), .long], help: "The working directory of the pageserver, which must exist.")
    var workdir: String
    @Option(help: ArgumentHelp("The tenant, 32 hexadecimal digits.", valueName: "id"))
    var tenantID: String
    @Option(help: ArgumentHelp("The timeline, 32 hexadecimal digits.", valueName: "id"))
    var timelineID: String
    @Option(help: ArgumentHelp("The server's major version, 14 to 17.", valueName: "number"))
    var pgVersion: Int
    @Option(help: ArgumentHelp("How many shards the tenant has; 0 if it is not sharded.", valueName: "count"))
    var shardCount: UInt8 = 0
    @Option(help: ArgumentHelp("The pages in a stripe.", valueName: "pages"))
    var shardStripeSize: UInt32 = 2048
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Which of the shards are made; all unless some are named.", valueName: "number")
    )
    var shard: [UInt8] = []
    @Option(help: ArgumentHelp("The backup as a data directory.", valueName: "path"))
    var directory: String?
    @Option(help: ArgumentHelp("The backup as an archive.", valueName: "path"))
    var archive: String?

    mutating func validate() throws {
        guard (directory == nil) != (archive == nil) else {
            throw ValidationError("one of --directory and --archive is needed")
        }
    }

    func run() throws {
        OpenFileLimit.raise()
        do {
            let lsn = try ShardImport.run(source, into: shards(), workdir: workdir)
            print("imported up to \(lsn)")
        } catch let error as ValidationError {
            throw error
        } catch {
            StandardError.tell("pageserver: \(error)")
            throw ExitCode.failure
        }
    }

    private var source: BackupSource {
        if let directory { .directory(directory) } else { .archive(archive ?? "") }
    }

    private func shards() throws -> [TimelineShard] {
        guard let tenant = TenantID(tenantID) else { throw ValidationError("\(tenantID) is no tenant") }
        guard let timeline = TimelineID(timelineID) else { throw ValidationError("\(timelineID) is no timeline") }
        guard let version = PostgresMajorVersion(rawValue: pgVersion) else {
            throw ValidationError("PostgreSQL \(pgVersion) is not supported")
        }
        let numbers = shard.isEmpty ? Array(0..<max(shardCount, 1)) : shard
        do {
            return try numbers.map { number in
                let index = try ShardIndex(number: ShardNumber(number), count: ShardCount(shardCount))
                let stripe = try ShardStripeSize(pages: shardStripeSize)
                return TimelineShard(
                    tenant: tenant,
                    timeline: timeline,
                    identity: ShardIdentity(index: index, stripeSize: stripe),
                    version: version
                )
            }
        } catch {
            throw ValidationError("\(error)")
        }
    }
}
