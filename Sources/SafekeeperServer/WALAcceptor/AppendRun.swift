package import NIOCore
internal import PostgresWAL
package import ReplicationProtocol

/// Append requests that follow one another, put together so that they are written with one call.
///
/// A call for each costs more than what it takes to put them together, and not only for small ones: the system keeps files
/// in memory in pieces of the lengths and alignments that they were written in, and takes a write of 512 KiB that ends at a
/// multiple of that in three quarters of the time of four of 128 KiB that end anywhere. So a run ends at the latest at such
/// a multiple, which is also where segments end. What is left of its last request comes first in the next run.
///
/// Nothing waits for a run: it is made of what is there already. WAL is written from the memory that it was received in;
/// only small pieces are copied together.
package struct AppendRun {
    /// Runs end at the latest at multiples of so many bytes.
    package static let alignment = 512 << 10
    /// The most WAL of a request that is copied together with others, in bytes.
    static let smallSize = 32 << 10

    /// The request for all of it.
    package private(set) var request: AppendRequest
    /// How many requests are in it to their ends.
    package private(set) var count = 0
    /// Its WAL, in pieces.
    package private(set) var pieces: [ByteBuffer] = []
    /// What is left of the last request.
    package private(set) var rest: MessageQueue.Element?
    private let capacity: Int
    /// Whether small ones can be copied behind the last piece.
    private var endsWithCopy = false

    /// Puts an append request together with those that follow it; nil if it isn't one, or none follows.
    ///
    /// - Parameters:
    ///   - first: a message.
    ///   - alignment: multiples of so many bytes end a run; a segment has to be one.
    ///   - next: takes the message behind the last one that was taken, if it is there and wanted.
    package init?(
        _ first: MessageQueue.Element,
        alignment: Int = AppendRun.alignment,
        next: (_ isWanted: (ProposerMessage) -> Bool) -> MessageQueue.Element?
    ) {
        guard case .append(let request) = first.message else { return nil }
        let capacity = alignment - Int(request.begin.rawValue % UInt64(alignment))
        guard let second = next({ Self.isContinued(request, by: $0, capacity: capacity) }) else { return nil }
        self.request = request
        self.request.end = request.begin
        self.capacity = capacity
        append(request, first.wal)
        take(second)
        while let more = next({ Self.isContinued(self.request, by: $0, capacity: capacity) }) { take(more) }
    }

    /// Whether a message can be put behind a run, or a request, without any difference to it coming alone.
    private static func isContinued(_ run: AppendRequest, by message: ProposerMessage, capacity: Int) -> Bool {
        guard case .append(let next) = message, !run.isHeartbeat, !next.isHeartbeat else { return false }
        return next.begin == run.end && next.term == run.term && next.generation == run.generation
            && run.size < capacity
    }

    /// Puts a message behind what is there, or as much of it as there is room for.
    private mutating func take(_ element: MessageQueue.Element) {
        guard case .append(let next) = element.message else { preconditionFailure("not an append request") }
        // Both only rise, and 0 says nothing.
        request.commit = max(request.commit, next.commit)
        request.truncate = max(request.truncate, next.truncate)
        append(next, element.wal)
    }

    private mutating func append(_ next: AppendRequest, _ wal: ByteBuffer) {
        var wal = wal
        let size = min(next.size, capacity - request.size)
        guard let piece = wal.readSlice(length: size) else { preconditionFailure("a request without its WAL") }
        if size > Self.smallSize {
            pieces.append(piece)
        } else if endsWithCopy {
            pieces[pieces.count - 1].writeImmutableBuffer(piece)
        } else {
            pieces.append(ByteBuffer(bytes: piece.readableBytesView))
        }
        endsWithCopy = size <= Self.smallSize
        request.end += UInt64(size)
        if size == next.size {
            count += 1
        } else {
            var left = next
            left.begin = request.end
            rest = MessageQueue.Element(message: .append(left), wal: wal, size: 0)
        }
    }
}

extension AppendRequest {
    /// Bytes of WAL.
    var size: Int { Int(end.rawValue - begin.rawValue) }
}
