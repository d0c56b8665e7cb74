import Ingest
import InterpretedWAL
import PageserverServer
import PostgresHarness
import PostgresWAL
import ReplicationProtocol
import ShardIdentity
import TestFixtures
import WALFiles
import WalReceiver

/// What all shards of a tenant have to do together with what a safekeeper sends.
///
/// Of interpreted WAL: judge, decompress, parse and ingest. Of raw WAL: judge, decode, interpret and ingest, each shard all
/// of it. Everything but the socket, on one core.
struct ReceiveBench {
    let sample: Sample

    private struct Shard {
        let identity: ShardIdentity
        /// The payloads of its messages, as they come.
        var payloads: [[UInt8]] = []
        /// Where the WAL of each ends.
        var ends: [LSN] = []
    }

    func run(rounds: Int, into results: inout BenchResults) throws {
        var measurement = Measurement()
        for count in [1, 8] {
            let shards = try interpreted(count)
            for store in ["memory", "rocksdb"] {
                measurement.add("\(store).shards\(count)") {
                    for shard in shards {
                        try receive(shard, .interpreted(Self.form), try Self.target(store))
                    }
                }
            }
            let raw = shards.map { Shard(identity: $0.identity) }
            measurement.add("vanilla.shards\(count)") {
                for shard in raw { try receive(rawWAL(shard), .vanilla, try Self.target("memory")) }
            }
        }
        if let dump = sample.dump {
            measurement.add("pg_waldump") { keep(try dump.stats(from: sample.start, to: sample.walk.end)) }
        }
        try measurement.run(rounds: rounds)
        report(measurement, into: &results)
    }

    private static let form = WireFormat(format: .protobuf, compression: .zstd(level: 1))

    private static func target(_ name: String) throws -> (store: any VersionedStore, folder: TemporaryFolder?) {
        guard name == "rocksdb" else { return (InMemoryStore(), nil) }
        let folder = try TemporaryFolder()
        return (try RocksDBStore(path: folder.path(of: "store")), folder)
    }

    // MARK: What is sent

    private func interpreted(_ count: Int) throws -> [Shard] {
        var shards = try InterpretBench.shards(count).map { Shard(identity: $0) }
        var batcher = ChunkBatcher(
            version: sample.version,
            shards: shards.map(\.identity),
            startingAt: sample.start
        )
        var compressor = try ZstdCompressor(level: 1)
        var output = OutputBuffer()
        var end = sample.start
        // A safekeeper takes more WAL at once, the more shards share it.
        try sample.decode(chunkSize: min(count * WALFileReader.standardChunkSize, 1 << 20)) { record, parsed in
            try batcher.add(record, parsed)
            end = record.end
        } afterChunk: {
            try batcher.endChunk { index, message, _ in
                output.removeAll()
                try compressor.compress(message, into: &output)
                shards[index].payloads.append(output.array)
                shards[index].ends.append(end)
            }
        }
        return shards
    }

    /// The sample in the chunks in which a safekeeper sends it.
    private func rawWAL(_ shard: Shard) -> Shard {
        var shard = shard
        var position = 0
        while position < sample.bytes.count {
            let lsn = sample.start + UInt64(position)
            let size = 131_072 - Int(lsn.rawValue % 8192)
            let count = min(size, sample.bytes.count - position)
            shard.payloads.append(Array(sample.bytes[position..<position + count]))
            position += count
            shard.ends.append(sample.start + UInt64(position))
        }
        return shard
    }

    // MARK: Receiving

    private func receive(
        _ shard: Shard,
        _ selection: WALReceiverProtocol,
        _ target: (store: any VersionedStore, folder: TemporaryFolder?)
    ) throws {
        let timeline = TimelineShard(
            tenant: TenantID(bits: 1),
            timeline: TimelineID(bits: 2),
            identity: shard.identity,
            version: sample.version
        )
        let start = sample.start
        _ = try ShardIngest(creating: timeline, in: target.store, at: start.recordAligned)
        let sink = try IngestSink(opening: target.store, as: timeline)
        let now = Moment(uptime: .zero, wall: .epoch)
        var session = ReceiverSession(
            ReceiverTarget(timeline),
            selection: selection,
            context: .init(now: now, positions: sink.positions)
        )
        var decoder = try PayloadDecoder(selection, ReceiverTarget(timeline), startingAt: start)
        for event: SessionEvent in [
            .loggedIn, .identified(SystemIdentification(systemID: 1, timeline: 1, commitLSN: start)), .streaming,
        ] {
            _ = session.handle(event, .init(now: now, positions: sink.positions))
        }
        var from = start
        for (payload, end) in zip(shard.payloads, shard.ends) {
            let message: WALStreamMessage =
                selection == .vanilla
                ? .xLogData(XLogDataHeader(start: from, walEnd: end, time: .epoch))
                : .interpretedRecords(InterpretedRecordsHeader(streaming: end, commit: end))
            from = end
            var event: SessionEvent? = .message(message, payload: payload.count)
            while let next = event {
                event = nil
                for action in session.handle(next, .init(now: now, positions: sink.positions)) {
                    switch action {
                    case .decode(let skipped):
                        event = .decoded(try decoder.decode(payload.span.bytes.extracting(droppingFirst: skipped)))
                    case .ingest:
                        try sink.ingest(message: decoder.message)
                        event = .ingested
                    case .end(let end): preconditionFailure("the session has ended: \(end)")
                    default: break
                    }
                }
            }
        }
        precondition(sink.positions.lastRecord > start, "nothing was received")
        try sink.flush()
        keep(sink.positions)
    }

    // MARK: The report

    private func report(_ measurement: Measurement, into results: inout BenchResults) {
        let records = Double(sample.recordCount)
        let megabytes = Double(sample.bytes.count) / 1e6
        results.heading(
            "receive + decompress + parse + ingest, \(sample.name): \(sample.recordCount) records, all shards, one core"
        )
        for count in [1, 8] {
            for store in ["memory", "rocksdb", "vanilla"] {
                let seconds = measurement.seconds("\(store).shards\(count)")
                let key = "ingest.\(sample.name).\(store).shards\(count)"
                let rate = "\(Int(records / seconds)) records/s, \(Int(megabytes / seconds)) MB/s of WAL"
                results.add("\(key).ns", seconds / records * 1e9, "ns", "a record; \(rate)")
            }
            let ratio = measurement.seconds("vanilla.shards\(count)") / measurement.seconds("memory.shards\(count)")
            results.add(
                "ingest.\(sample.name).shards\(count).vanilla_ratio",
                ratio,
                "x",
                "processor time of raw WAL over interpreted, into memory"
            )
        }
        if sample.dump != nil {
            let seconds = measurement.seconds("pg_waldump")
            results.add("ingest.\(sample.name).pg_waldump.ns", seconds / records * 1e9, "ns", "pg_waldump --stats")
        }
    }
}
