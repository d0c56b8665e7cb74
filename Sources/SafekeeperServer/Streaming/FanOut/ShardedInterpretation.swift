package import InterpretedWAL
package import PostgresWAL
internal import ShardIdentity

/// A reader's work: decodes WAL chunk by chunk and interprets it once for all seats.
///
/// It owns its buffers alone and does no I/O, so each reader has one, on whatever thread works for it.
///
/// Source: `replication-protocol.md` §5.3.
package struct ShardedInterpretation: ~Copyable {
    private let version: PostgresMajorVersion
    private var decoder: WALStreamDecoder
    private var parsed: ParsedRecord
    /// For the shards of the last chunk's seats; nil before the first chunk.
    private var interpreter: BatchInterpreter?
    /// The interpreter's index of each seat's shard, and where the seat's records begin in its batch.
    private var places: [(batch: Int, offset: Int)] = []

    /// Makes one that begins at a record's start.
    ///
    /// - Throws: `startPosition` if no record can start there.
    package init(
        version: PostgresMajorVersion,
        segmentSize: WALSegmentSize,
        startingAt start: LSN
    ) throws(WALDecodeError) {
        self.version = version
        decoder = try WALStreamDecoder(version: version, segmentSize: segmentSize, startingAt: start)
        parsed = ParsedRecord(version: version)
    }

    /// What became of a chunk.
    package struct Outcome: Sendable {
        /// The end of the last record that was completed, and where the next one starts; nil if there was none.
        package var lastRecord: FanOutProgress.RecordEnd?
        /// The records of each seat: the fields of a message without its end.
        package var records: [[UInt8]]
        /// The number of records in each.
        package var counts: [Int]
        /// Why the chunk was not taken to its end; what was completed before is there.
        package var failure: ShardStreamError?

        /// What the fan-out wants to know.
        package var progress: FanOutProgress {
            FanOutProgress(lastRecord: lastRecord, recordBytes: records.map(\.count), isBroken: failure != nil)
        }
    }

    /// Takes the chunk that follows the last one.
    ///
    /// - Parameters:
    ///   - chunk: the WAL.
    ///   - seats: the senders that are served.
    /// - Returns: the records of each seat.
    package mutating func take(_ chunk: RawSpan, for seats: [FanOutSeat]) -> Outcome {
        prepare(for: seats)
        var outcome = Outcome(lastRecord: nil, records: [], counts: Array(repeating: 0, count: seats.count))
        // Seats get the records behind their positions; below the lowest of them nobody needs anything.
        var waiting = Array(seats.indices)
        var lowestPosition = LSN.invalid
        var isNeeded = false
        var rest = chunk
        do throws(WALDecodeError) {
            while outcome.failure == nil, let record = try decoder.next(&rest) {
                if !waiting.isEmpty && record.next > lowestPosition {
                    for seat in waiting where record.next > seats[seat].position {
                        let batch = places[seat].batch
                        places[seat].offset = interpreter?.batch(of: batch).byteCount ?? 0
                        outcome.counts[seat] -= interpreter?.recordCount(of: batch) ?? 0
                        isNeeded = true
                    }
                    let next = record.next
                    waiting.removeAll { next > seats[$0].position }
                    lowestPosition = waiting.map { seats[$0].position }.min() ?? .invalid
                }
                if isNeeded { outcome.failure = Self.interpret(record, &parsed, &interpreter) }
                if outcome.failure == nil {
                    outcome.lastRecord = FanOutProgress.RecordEnd(end: record.end, next: record.next)
                }
            }
        } catch {
            outcome.failure = .decode(error)
        }
        takeBatches(into: &outcome, except: waiting)
        return outcome
    }

    /// Makes the interpreter serve the seats' shards.
    private mutating func prepare(for seats: [FanOutSeat]) {
        var shards = interpreter?.shards ?? []
        if !seats.elementsEqual(places, by: { $1.batch < shards.count && $0.shard == shards[$1.batch] }) {
            shards = []
            places = seats.map { seat in
                if let index = shards.firstIndex(of: seat.shard) { return (index, 0) }
                shards.append(seat.shard)
                return (shards.count - 1, 0)
            }
            interpreter = BatchInterpreter(version: version, shards: shards)
        }
    }

    /// Interprets a record; gives what is wrong with it.
    @inline(__always)
    private static func interpret(
        _ record: borrowing WALRecord,
        _ parsed: inout ParsedRecord,
        _ interpreter: inout BatchInterpreter?
    ) -> ShardStreamError? {
        do throws(WALDecodeError) {
            try parsed.parse(record)
        } catch {
            return .decode(error)
        }
        do throws(InterpretationError) {
            try interpreter?.interpret(record, parsed)
        } catch {
            return .interpretation(error)
        }
        return nil
    }

    /// Copies each seat's part of its batch and empties the batches.
    private mutating func takeBatches(into outcome: inout Outcome, except waiting: [Int]) {
        guard outcome.lastRecord != nil else {
            outcome.records = Array(repeating: [], count: places.count)
            return
        }
        for seat in places.indices {
            let place = places[seat]
            if waiting.contains(seat) {
                outcome.records.append([])
                continue
            }
            outcome.counts[seat] += interpreter?.recordCount(of: place.batch) ?? 0
            // Seats of one shard mostly get the same bytes.
            let twin = places[..<seat].firstIndex { $0 == place }
            if let twin, !waiting.contains(twin) {
                outcome.records.append(outcome.records[twin])
            } else {
                let bytes = interpreter?.batch(of: place.batch).extracting(droppingFirst: place.offset).array
                outcome.records.append(bytes ?? [])
            }
        }
        for index in (interpreter?.shards ?? []).indices { interpreter?.removeBatch(of: index) }
    }
}

/// Why a shard's stream can't go on.
package enum ShardStreamError: Error, Hashable, Sendable {
    /// The WAL is no WAL.
    case decode(WALDecodeError)
    /// A record means nothing.
    case interpretation(InterpretationError)
    /// The WAL can't be had: why.
    case read(String)
}

extension ShardStreamError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .decode(let error): "\(error)"
        case .interpretation(let error): "\(error)"
        case .read(let reason): reason
        }
    }
}
