import ArgumentParser
import Glibc
import PostgresWAL
import ReplicationProtocol
import SafekeeperHarness
import ShardIdentity
import Synchronization

/// Some shards of a pageserver in a process of their own, so that a test can stop it (`SIGSTOP`) and weigh it.
///
/// Each shard has a connection and a thread. `ReceiverProcess` starts it and knows what it prints.
@main
struct ShardReceivers: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shard-receivers",
        abstract: "Receives interpreted WAL for shards, for tests."
    )

    @Option var port: UInt16
    @Option var tenant: String
    @Option var timeline: String
    @Option(help: "The first shard's number.") var first: UInt8
    @Option(help: "How many shards, from the first one on.") var shards: UInt8
    @Option(help: "The shard count of the layout.") var count: UInt8
    @Option var stripeSize: UInt32
    @Option(help: "An LSN.") var start: String
    @Option(help: "The LSN at which a shard is through.") var end: String
    @Option(help: "Ask for WAL of this term, committed or not.") var term: UInt64?
    @Flag(help: "Go on receiving after the end.") var stay = false

    func run() throws {
        guard let tenant = TenantID(tenant), let timeline = TimelineID(timeline), let start = LSN(start),
            let end = LSN(end)
        else { throw ValidationError("not an id or an LSN") }
        let failed = Atomic(false)
        let threads = try (first..<first + shards).map { number in
            let request = ShardClient.Request(
                port: port,
                tenant: tenant,
                timeline: timeline,
                shard: try ShardIdentity(number: number, count: count, stripeSize: stripeSize),
                start: start,
                term: term.map { Term($0) }
            )
            return try BlockingThread { [stay] in
                do {
                    try Self.receive(request, upTo: end, stay: stay)
                } catch {
                    failed.store(true, ordering: .relaxed)
                    Self.say("failed \(number) \(error)")
                }
            }
        }
        for thread in threads { thread.join() }
        if failed.load(ordering: .relaxed) { throw ExitCode.failure }
    }

    private static func receive(_ request: ShardClient.Request, upTo end: LSN, stay: Bool) throws {
        let client = try ShardClient(request, timeout: 600)
        // Whatever comes first says that the sender is at work.
        try client.receive()
        say("attached \(client.shard.number)")
        try client.receive(upTo: end)
        say("finished \(client.shard.number) \(monotonicNanoseconds()) \(client.wireBytes) \(client.digest)")
        while stay { try client.receive() }
    }

    /// Writes a line at once, as a whole.
    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
