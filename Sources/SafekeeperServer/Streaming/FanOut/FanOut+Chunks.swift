package import PostgresWAL

extension FanOut {
    /// Takes part in a chunk: who is served by the reader that has got one.
    ///
    /// - Parameter reader: a reader that was asked to read.
    /// - Returns: its senders; nil if the reader was closed, and the chunk is of no use.
    package func beginChunk(_ reader: ReaderID) -> [FanOutSeat]? {
        guard let reader = readers.first(where: { $0.id == reader }) else { return nil }
        precondition(reader.isReading, "\(reader.id) has a chunk that it did not ask for")
        return reader.senders.map { FanOutSeat(sender: $0.id, shard: $0.shard, position: $0.position) }
    }

    /// Decides what each sender is sent of a chunk.
    ///
    /// | of N, the last record's next, and the chunk's end | a sender gets |
    /// |---|---|
    /// | N is behind its position | a message with its records, maybe none, up to N |
    /// | only the chunk's end is | a message without records, which says how far the WAL was looked at |
    /// | neither is | nothing |
    ///
    /// A chunk that completes no record makes no message. One that could not be taken to its end
    /// is dealt with as far as it was, and then as by ``failed(_:now:)``.
    ///
    /// - Parameters:
    ///   - id: the reader.
    ///   - end: the chunk's end.
    ///   - available: the end of the WAL that may be sent.
    ///   - progress: what came of the chunk, with the seats' bytes in their order.
    ///   - now: the time.
    /// - Returns: what to do.
    package mutating func endChunk(
        _ id: ReaderID,
        end: LSN,
        available: LSN,
        progress: FanOutProgress,
        now: Duration
    ) -> [FanOutAction] {
        update(now)
        let index = index(of: id)
        precondition(progress.recordBytes.count == readers[index].senders.count, "a chunk with other seats")
        readers[index].isReading = false
        readers[index].readEnd = end
        if let last = progress.lastRecord {
            readers[index].position = recordStart(last.next)
            readers[index].isProven = true
            if let suspectUntil = readers[index].suspectUntil, last.next > suspectUntil {
                readers[index].suspectUntil = nil
            }
            for (seat, bytes) in progress.recordBytes.enumerated() {
                send((index, seat), upTo: last, chunkEnd: end, available: available, bytes: bytes)
            }
        }
        if progress.isBroken { partWithReader(at: index) }
        return settle()
    }

    private mutating func send(
        _ index: (reader: Int, sender: Int),
        upTo last: FanOutProgress.RecordEnd,
        chunkEnd: LSN,
        available: LSN,
        bytes: Int
    ) {
        var sender = readers[index.reader].senders[index.sender]
        let isReached = last.next > sender.position
        // Behind another reader's chunk that the sender has had already, there is nothing new to tell.
        guard isReached || chunkEnd > max(sender.position, sender.streamed) else { return }
        sender.position = max(sender.position, last.next)
        sender.streamed = max(sender.streamed, chunkEnd)
        actions.append(
            .enqueue(
                sender.id,
                FanOutMessage(
                    hasRecords: isReached && bytes > 0,
                    next: sender.position,
                    rawStart: sender.rawStart,
                    streaming: sender.streamed,
                    available: max(available, sender.streamed)
                )
            )
        )
        sender.rawStart = max(sender.rawStart, last.end)
        sender.queuedMessages += 1
        sender.queuedBytes += isReached ? bytes : 0
        readers[index.reader].senders[index.sender] = sender
    }

    /// Messages have left senders' queues.
    ///
    /// - Parameters:
    ///   - departures: what has left, by sender; senders may have gone.
    ///   - now: the time.
    /// - Returns: what to do.
    package mutating func sent(_ departures: [SenderID: QueueLoad], now: Duration) -> [FanOutAction] {
        update(now)
        for index in readers.indices {
            for place in readers[index].senders.indices {
                let id = readers[index].senders[place].id
                guard let load = departures[id] else { continue }
                precondition(
                    readers[index].senders[place].queuedMessages >= load.messages,
                    "\(id) has sent more than it was given"
                )
                readers[index].senders[place].queuedMessages -= load.messages
                readers[index].senders[place].queuedBytes -= load.bytes
            }
        }
        return settle()
    }

    /// A message has left a sender's queue; see ``sent(_:now:)``.
    package mutating func sent(_ id: SenderID, bytes: Int, now: Duration) -> [FanOutAction] {
        sent([id: QueueLoad(messages: 1, bytes: bytes)], now: now)
    }

    /// A reader that was asked to read can't.
    ///
    /// The senders each get a reader of their own, that may yet be right: some joined a reader whose first sender had
    /// named a wrong start. A sender that was alone is at its end.
    ///
    /// - Parameters:
    ///   - id: the reader; nothing happens if it was closed.
    ///   - now: the time.
    /// - Returns: what to do.
    package mutating func failed(_ id: ReaderID, now: Duration) -> [FanOutAction] {
        guard readers.contains(where: { $0.id == id }) else { return [] }
        update(now)
        partWithReader(at: index(of: id))
        return settle()
    }

    private mutating func partWithReader(at index: Int) {
        let reader = readers[index]
        closeReader(at: index)
        if reader.senders.count == 1 {
            readerOfSender.removeValue(forKey: reader.senders[0].id)
            actions.append(.fail(reader.senders[0].id))
            return
        }
        for sender in reader.senders {
            let suspectUntil = max(sender.position, reader.readEnd)
            move(sender, to: openReader(at: sender.position, suspectUntil: suspectUntil))
        }
    }
}
