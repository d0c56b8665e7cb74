import Foundation
package import PostgresWAL
import SafekeeperHarness

/// What a pageserver says of its shards.
package struct PageserverStatus: Sendable {
    /// How a shard stands.
    package struct Shard: Hashable, Sendable {
        /// Its index, `0108` for the second of eight.
        package var name: String
        package var lastRecord: LSN
        /// Bytes of payloads as they came over the wire, since the start.
        package var receivedBytes: UInt64
        /// Records in them.
        package var receivedRecords: UInt64
        /// The state of its receiver, in words.
        package var receiver: String
        /// The last error of its receiver.
        package var lastError: String?
    }

    /// The shards in the order of their numbers.
    package let shards: [Shard]

    /// Reads the answer to `GET /v1/status`, with its head.
    ///
    /// - Throws: ``SafekeeperFailure`` if it is anything else.
    package init(answer: String) throws {
        struct Body: Decodable {
            struct Shard: Decodable {
                var shardId: String
                var lastRecordLsn: String
                var receivedBytes: UInt64
                var receivedRecords: UInt64
                var walreceiverStatus: String
                var lastError: String?
            }
            var shards: [Shard]
        }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        guard answer.hasPrefix("HTTP/1.1 200"), let head = answer.range(of: "\r\n\r\n"),
            let body = try? decoder.decode(Body.self, from: Data(answer[head.upperBound...].utf8))
        else { throw SafekeeperFailure(message: "no status of a pageserver: \(answer)") }
        shards = try body.shards.map { shard in
            guard let lsn = LSN(shard.lastRecordLsn) else {
                throw SafekeeperFailure(message: "\(shard.lastRecordLsn) is no LSN")
            }
            return Shard(
                name: shard.shardId,
                lastRecord: lsn,
                receivedBytes: shard.receivedBytes,
                receivedRecords: shard.receivedRecords,
                receiver: shard.walreceiverStatus,
                lastError: shard.lastError
            )
        }.sorted { $0.name < $1.name }
    }

    /// Where all shards are; nil if they are not at the same place.
    package var commonLSN: LSN? {
        guard let first = shards.first else { return nil }
        return shards.allSatisfy { $0.lastRecord == first.lastRecord } ? first.lastRecord : nil
    }
}
