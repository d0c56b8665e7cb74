import PostgresWAL
import ShardIdentity
import Testing

/// Checks that shards hold together what one does that has everything, each its part and nothing else.
///
/// - Parameters:
///   - whole: what an unsharded tenant holds.
///   - parts: all shards of a layout, and what each holds.
/// - Returns: how many blocks were compared.
func checkUnion(_ whole: StoreContent, _ parts: [(identity: ShardIdentity, content: StoreContent)]) -> Int {
    var blocks = 0
    var keys = Set(whole.versions.keys)
    for part in parts { keys.formUnion(part.content.versions.keys) }
    for key in keys {
        for (identity, part) in parts {
            if identity.isDisposable(key) {
                #expect(part.versions[key] == nil, "\(key) on \(identity)")
            } else if key.isRelationSize {
                // Of how a fork came to its size each shard has seen its own part; shard zero knows the outcome for
                // what is logged in whole. Free space maps and visibility maps are made of single bits.
                let isWhole = "\(key)".hasSuffix("00FFFFFFFF") || "\(key)".hasSuffix("03FFFFFFFF")
                guard identity.number == .zero, isWhole else { continue }
                #expect(part.versions[key]?.first?.hash == whole.versions[key]?.first?.hash, "\(key)")
            } else if identity.isLocal(key) {
                // Directories and counters of other shards are what those have seen: nobody asks them.
                #expect(part.streamed(key) == whole.streamed(key), "\(key) on \(identity)")
                if key.isRelationBlock { blocks += 1 }
            }
        }
    }
    return blocks
}
