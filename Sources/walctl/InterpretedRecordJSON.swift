import Foundation
import InterpretedWAL
import PostgresWAL
import ShardIdentity

/// An interpreted record in words, for people who look into what a shard got.
struct InterpretedRecordJSON {
    private var object: [String: Any]

    init(_ record: InterpretedRecord, start: LSN, shard: String) throws {
        object = [
            "lsn": start.description,
            "next": record.nextRecordLSN.description,
            "shard": shard,
            "xid": record.xid,
            "flush_uncommitted": record.flushUncommitted,
            "values": try record.batch.metadata.map { try InterpretedRecordJSON.value($0, in: record.batch) },
        ]
        if let metadata = record.metadata { object["metadata"] = JSONReflection.value(metadata) }
    }

    /// One line of JSON with its keys in alphabetical order.
    func text() throws -> String {
        let data = try JSONSerialization.data(withJSONObject: object, options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self)
    }

    private static func value(_ metadata: ValueMetadata, in batch: SerializedValueBatch) throws -> [String: Any] {
        switch metadata {
        case .observed(let key, let lsn):
            return describe(key, lsn: lsn).merging(["kind": "observed"]) { $1 }
        case .serialized(let key, let lsn, let offset, let length, let willInit):
            let isImage = batch.rawBytes[Int(offset)..<Int(offset) + 4].allSatisfy { $0 == 0 }
            let facts: [String: Any] = [
                "kind": isImage ? "image" : "record", "will_init": willInit, "length": length,
            ]
            return describe(key, lsn: lsn).merging(facts) { $1 }
        }
    }

    private static func describe(_ compact: CompactKey, lsn: LSN) -> [String: Any] {
        let key = Key(compact)
        var facts: [String: Any] = ["key": "\(key)", "lsn": lsn.description]
        if let relation = key.relationTag {
            facts["relation"] = "\(relation)"
            facts["block"] = key.field6
        }
        return facts
    }
}

/// Turns values of the model into what `JSONSerialization` takes, by their own field names.
enum JSONReflection {
    static func value(_ subject: Any) -> Any {
        switch subject {
        case let number as any BinaryInteger: return NSNumber(value: Int64(truncatingIfNeeded: number))
        case let flag as Bool: return flag
        case let text as String: return text
        case let lsn as LSN: return lsn.description
        case let relation as RelationTag: return "\(relation)"
        case let relation as RelationLocator: return "\(relation)"
        // An empty array of anything can be cast to one of bytes, so the type decides.
        case let bytes as [UInt8] where type(of: subject) == [UInt8].self:
            return bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        default: return reflect(Mirror(reflecting: subject), subject)
        }
    }

    private static func reflect(_ mirror: Mirror, _ subject: Any) -> Any {
        switch mirror.displayStyle {
        case .optional:
            return mirror.children.first.map { value($0.value) } ?? NSNull()
        case .collection:
            return mirror.children.map { value($0.value) }
        case .enum:
            // A case with content has one child, labelled with the case's name.
            guard let child = mirror.children.first, let name = child.label else { return "\(subject)" }
            return [name: content(of: child.value)]
        default:
            return fields(mirror)
        }
    }

    /// What a case holds: its labelled values, or its only value.
    private static func content(of associated: Any) -> Any {
        let mirror = Mirror(reflecting: associated)
        guard mirror.displayStyle == .tuple else { return value(associated) }
        return fields(mirror)
    }

    private static func fields(_ mirror: Mirror) -> [String: Any] {
        var object: [String: Any] = [:]
        for (index, child) in mirror.children.enumerated() {
            object[child.label ?? "\(index)"] = value(child.value)
        }
        return object
    }
}
