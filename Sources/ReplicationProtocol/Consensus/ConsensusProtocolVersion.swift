/// The form of the messages between a proposer and a safekeeper.
///
/// Source: `safekeeper-core.md` §1.3.
public enum ConsensusProtocolVersion: UInt32, Hashable, Sendable, CaseIterable {
    /// C structs as a little-endian compiler lays them out, without generations.
    case v2 = 2
    /// Big-endian fields without padding.
    case v3 = 3

    /// How integers are stored, except in the appended feedback of pageservers.
    var byteOrder: ByteOrder { self == .v2 ? .little : .big }

    /// The bytes of the tag.
    var tagSize: Int { self == .v2 ? 8 : 1 }
}
