package import PostgresWAL

/// What a run of the demo has shown: everything that its page and its summary say.
package struct RunReport: Sendable {
    /// One line of a table: a name and what it is.
    package struct Fact: Hashable, Sendable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// How all parties stood at one moment.
    package struct Sample: Hashable, Sendable {
        /// How a shard stood.
        package struct Shard: Hashable, Sendable {
            /// The last record ingested.
            package var lastRecord: LSN
            /// Bytes received since the pageserver's start, as they came over the wire.
            package var receivedBytes: UInt64

            package init(lastRecord: LSN, receivedBytes: UInt64) {
                self.lastRecord = lastRecord
                self.receivedBytes = receivedBytes
            }
        }

        /// Seconds since the start of the run.
        package var seconds: Double
        /// The end of the server's flushed WAL.
        package var serverEnd: LSN
        /// Up to where WAL is durable on a quorum, as far as the safekeepers have said.
        package var commit: LSN
        /// Up to where each safekeeper has it on disk; nil for one that does not answer.
        package var safekeepers: [LSN?]
        /// The shards in order of their numbers; empty while the pageserver doesn't answer.
        package var shards: [Shard]
        /// The memory that each process has resident, in bytes, by what people call it; those that run.
        package var resident: [String: UInt64]

        package init(
            seconds: Double,
            serverEnd: LSN,
            commit: LSN,
            safekeepers: [LSN?],
            shards: [Shard],
            resident: [String: UInt64] = [:]
        ) {
            self.seconds = seconds
            self.serverEnd = serverEnd
            self.commit = commit
            self.safekeepers = safekeepers
            self.shards = shards
            self.resident = resident
        }

        /// The lag of the shard that is furthest behind, in bytes; nil if the shards are not known.
        package var largestLag: UInt64? { shards.indices.compactMap { lag(ofShard: $0) }.max() }

        /// Bytes of the server's WAL that a shard has not ingested.
        package func lag(ofShard index: Int) -> UInt64? {
            shards.indices.contains(index) ? serverEnd.distance(from: shards[index].lastRecord) ?? 0 : nil
        }
    }

    /// Something that happened at a moment of the run.
    package struct Event: Hashable, Sendable {
        /// Seconds since the start of the run.
        package var seconds: Double
        package var text: String

        package init(seconds: Double, text: String) {
            self.seconds = seconds
            self.text = text
        }
    }

    /// What a shard was sent in the whole run.
    package struct Shard: Hashable, Sendable {
        /// Its index, `0104` for the second of four.
        package var name: String
        /// Bytes as they went over the wire.
        package var bytes: UInt64
        /// Records in them; nil where that is not known.
        package var records: UInt64?
        /// The last record at the end.
        package var lastRecord: LSN

        package init(name: String, bytes: UInt64, records: UInt64?, lastRecord: LSN) {
            self.name = name
            self.bytes = bytes
            self.records = records
            self.lastRecord = lastRecord
        }
    }

    /// What a number of shards would be sent of this WAL.
    package struct Layout: Hashable, Sendable {
        package var shardCount: Int
        /// Bytes to all shards.
        package var bytes: UInt64
        /// Bytes to the shard that gets the most.
        package var largest: UInt64

        package init(shardCount: Int, bytes: UInt64, largest: UInt64) {
            self.shardCount = shardCount
            self.bytes = bytes
            self.largest = largest
        }
    }

    /// The records of a resource manager.
    package struct Kind: Hashable, Sendable {
        package var name: String
        package var records: Int
        package var bytes: Int

        package init(name: String, records: Int, bytes: Int) {
            self.name = name
            self.records = records
            self.bytes = bytes
        }
    }

    /// Something that was verified.
    package struct Check: Hashable, Sendable {
        /// What was looked at.
        package var name: String
        package var passed: Bool
        /// What was found.
        package var detail: String

        package init(_ name: String, passed: Bool, detail: String) {
            self.name = name
            self.passed = passed
            self.detail = detail
        }
    }

    /// What was run, in a line.
    package var title: String
    /// With what: versions, options.
    package var setting: [Fact] = []
    /// What the reader should know before the figures.
    package var notes: [String] = []
    /// Bytes of WAL that the run is about.
    package var rawBytes: UInt64 = 0
    package var samples: [Sample] = []
    /// The seconds between which the load was the same all the time; nil if it never was for long.
    package var steady: ClosedRange<Double>?
    package var events: [Event] = []
    package var shards: [Shard] = []
    package var layouts: [Layout] = []
    /// How long COMMIT took; empty if nothing was measured.
    package var latency = LatencyDistribution(microseconds: [])
    package var kinds: [Kind] = []
    package var checks: [Check] = []

    package init(title: String) {
        self.title = title
    }

    /// Whether something was verified, and all of it was right.
    package var passed: Bool { !checks.isEmpty && checks.allSatisfy(\.passed) }

    /// Bytes sent to all shards.
    package var sentBytes: UInt64 { shards.reduce(0) { $0 + $1.bytes } }

    /// How many times as many bytes it would have been to send the raw WAL to every shard; nil if nothing was sent.
    package var factor: Double? {
        sentBytes == 0 ? nil : Double(rawBytes) * Double(shards.count) / Double(sentBytes)
    }

    /// The largest lag of any shard, in bytes, in the samples.
    package var largestLag: UInt64? {
        samples.compactMap(\.largestLag).max()
    }
}

// MARK: - Rates

extension RunReport {
    /// Megabytes a second between a sample and the one before it.
    package struct Rate: Hashable, Sendable {
        /// The moment of the later one.
        package var seconds: Double
        /// WAL that the server has written.
        package var written: Double
        /// What all shards have been sent; nil if they were not asked.
        package var sent: Double?
    }

    /// The shortest time that a rate is worked out over, in seconds: over less it says little.
    private static let shortestTime = 0.2

    /// The rates from sample to sample; samples right behind another one are passed over.
    package var rates: [Rate] {
        guard var before = samples.first else { return [] }
        var rates: [Rate] = []
        for after in samples.dropFirst() {
            let time = after.seconds - before.seconds
            guard time >= Self.shortestTime else { continue }
            let isKnown = !before.shards.isEmpty && before.shards.count == after.shards.count
            let bytes = zip(before.shards, after.shards).reduce(0.0) {
                $0 + Double($1.1.receivedBytes) - Double($1.0.receivedBytes)
            }
            rates.append(
                Rate(
                    seconds: after.seconds,
                    written: Double(after.serverEnd.distance(from: before.serverEnd) ?? 0) / time / 1e6,
                    sent: isKnown ? max(bytes, 0) / time / 1e6 : nil
                )
            )
            before = after
        }
        return rates
    }
}
