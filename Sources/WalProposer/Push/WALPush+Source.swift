internal import PostgresClient
internal import PostgresWAL
internal import ReplicationProtocol

// The server's side: its WAL comes in, and it is told how far that is durable.

extension WALPush {
    /// What of the WAL that is known already is read again after a reconnection, to see that it is still the same.
    private static let overlap: UInt64 = 8192
    /// Pauses between attempts to reach the server.
    private static let pauses: [Duration] = [100, 200, 500, 1000, 2000].map { .milliseconds($0) }

    /// Receives the server's WAL from the window's end on, over as many connections as it takes.
    func follow() async {
        var failures = 0
        while !Task.isCancelled {
            do {
                try await receiveAll { failures = 0 }
                tally.sourceProblem = "the server has ended the stream"
            } catch let error as WALPushError {
                return end(.failed(error))
            } catch PostgresClientError.server(let message, "58P01") {
                // The segment is not there any more, and no other connection will find it.
                return end(.failed(.walMissing(from: window?.end ?? .invalid, server: message)))
            } catch PostgresClientError.server(let message, "42704") {
                return end(.failed(.slot(configuration.slot ?? "", server: message)))
            } catch {
                tally.sourceProblem = "\(error)"
            }
            upstream?.close()
            upstream = nil
            guard !Task.isCancelled else { return }
            try? await Task.sleep(for: Self.pauses[min(failures, Self.pauses.count - 1)])
            failures += 1
        }
    }

    /// Receives WAL on one connection until it ends.
    private func receiveAll(_ started: () -> Void) async throws {
        let (connection, found) = try await source.connect()
        defer { connection.close() }
        try check(found)
        guard let known = window else { return }
        guard found.flush >= known.end else { throw WALPushError.serverLostWAL(end: found.flush, received: known.end) }
        let back = min(Self.overlap, known.end.distance(from: known.start) ?? 0)
        try await source.start(connection, at: known.end - back)
        guard !Task.isCancelled else { return }
        started()
        upstream = connection
        lastHeard = .now
        tally.sourceProblem = nil
        tally.serverEnd = max(tally.serverEnd, found.flush)
        sendStatus()
        while true {
            await waitForRoom()
            guard !Task.isCancelled, let data = try await connection.receive() else { return }
            lastHeard = .now
            try take(data)
        }
    }

    private func take(_ data: CopyData) throws {
        let message = try WALStreamMessage(decoding: data.bytes)
        switch message {
        case .xLogData(let header):
            tally.serverEnd = max(tally.serverEnd, header.walEnd)
            guard let before = window?.end else { return }
            try window?.append(data, from: message.payloadRange(in: data.count).lowerBound, at: header.start)
            guard let end = window?.end, end > before else { return }
            tally.receivedBytes += end.distance(from: before) ?? 0
            handle(.walAvailable(upTo: end))
        case .keepAlive(let life):
            tally.serverEnd = max(tally.serverEnd, life.walEnd)
            if life.replyRequested { sendStatus() }
        case .interpretedRecords:
            throw WALPushError.unexpectedAnswer(command: "START_REPLICATION", answer: "interpreted records")
        }
    }

    // MARK: - The window's bound

    /// Waits until the window takes more.
    private func waitForRoom() async {
        guard let window, !window.hasRoom else { return }
        await withCheckedContinuation { roomWaiter = $0 }
        lastHeard = .now
    }

    /// Lets the one go on who waits for room.
    func makeRoom() {
        roomWaiter?.resume()
        roomWaiter = nil
    }

    /// Drops WAL that a quorum has been sent.
    func trimWindow() {
        guard let position = proposer?.sentToQuorum else { return }
        window?.trim(upTo: position)
        if roomWaiter != nil, window?.hasRoom ?? true { makeRoom() }
    }

    // MARK: - Feedback

    /// Tells the server how far WAL is durable.
    func sendStatus(wantsReply: Bool = false) {
        // Without room in the queue the server is not reading, and hears of it a moment later.
        _ = try? upstream?.trySend(SourceServer.status(tally.commit, wantsReply: wantsReply))
    }

    /// What is done from time to time: the server hears from us, and a connection that is dead is found out.
    func keepInTouch() {
        guard let upstream else { return }
        let silence = ContinuousClock.now - lastHeard
        if roomWaiter == nil, silence > configuration.silenceLimit {
            upstream.close()
        } else {
            sendStatus(wantsReply: silence > configuration.silenceLimit / 3)
        }
    }
}
