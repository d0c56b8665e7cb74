/// The rule by which keys are spread over shards.
///
/// There is one. The number 255 marks a shard that must not be used and is not a layout here.
@frozen
public enum ShardLayout: UInt8, Sendable {
    /// Stripes of relation blocks by hash, everything else on shard 0 or on all shards.
    case stripes = 1
}
