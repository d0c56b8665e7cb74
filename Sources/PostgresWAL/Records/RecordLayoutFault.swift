/// What is wrong with the fragments inside a record whose CRC is right.
///
/// The rules are those of PostgreSQL's `DecodeXLogRecord`; the reference decoder lets some of them pass or panics
/// (`wal-decoding.md` §11).
public enum RecordLayoutFault: Hashable, Sendable, CustomStringConvertible {
    /// A fragment's header or payload runs past the end of the record.
    case truncated(offset: Int)
    /// A fragment ID that means nothing.
    case unknownFragment(id: UInt8, offset: Int)
    /// A block ID that is not above the one before it.
    case blockOrder(id: UInt8)
    /// A block without data that declares a data length, or the reverse.
    case dataFlag(block: UInt8, length: UInt16)
    /// "Same relation as before" on the first block.
    case noPreviousRelation(block: UInt8)
    /// A fork number above 3.
    case fork(block: UInt8, fork: UInt8)
    /// Hole, length and compression of a block image contradict one another.
    case imageLayout(block: UInt8, length: UInt16, holeOffset: UInt16, holeLength: UInt16, info: UInt8)
    /// Bytes that belong to no fragment.
    case lengthMismatch(declared: Int, found: Int)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .truncated(let offset):
            "a fragment at offset \(offset) runs past its end"
        case .unknownFragment(let id, let offset):
            "unknown fragment ID \(id) at offset \(offset)"
        case .blockOrder(let id):
            "block ID \(id) out of order"
        case .dataFlag(let block, let length):
            "block \(block) has a data length of \(length) and a data flag that contradicts it"
        case .noPreviousRelation(let block):
            "block \(block) refers to the relation of a block before it, and there is none"
        case .fork(let block, let fork):
            "block \(block) is in fork \(fork), at most 3 expected"
        case .imageLayout(let block, let length, let holeOffset, let holeLength, let info):
            "the image of block \(block) has length \(length), a hole of \(holeLength) at \(holeOffset) and flags "
                + "\(info), which contradict one another"
        case .lengthMismatch(let declared, let found):
            "its fragments declare \(declared) bytes of payload, \(found) are there"
        }
    }
}
