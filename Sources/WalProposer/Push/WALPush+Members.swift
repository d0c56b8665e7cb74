internal import PostgresClient
internal import PostgresWAL
internal import ReplicationProtocol

// The safekeepers' side: connections, and messages with their WAL.

extension WALPush {
    /// Makes a connection to a safekeeper, and receives on it until it ends.
    func serve(_ id: LinkID, _ options: WALPushOptions) async {
        let member = id.connection.member
        let version = configuration.safekeepers[member].protocolVersion
        var hasHeard = false
        var reason = "the safekeeper has ended the stream"
        do {
            let name = WALPushConfiguration.applicationName
            let postgres = try await safekeepers[member].connect(applicationName: name, on: loop)
            guard links[id] != nil else { return postgres.close() }
            links[id]?.postgres = postgres
            try await checkSystem(of: member, postgres)
            try await postgres.startCopy(ReplicationCommand.startWALPush(options).description)
            guard links[id] != nil else { return }
            handle(.connected(id.connection))
            while let data = try await postgres.receive() {
                hasHeard = true
                guard links[id] != nil else { return }
                handle(.received(id.connection, try AcceptorMessage(decoding: data.bytes, version: version)))
            }
        } catch let error as WALPushError {
            return end(.failed(error))
        } catch PostgresClientError.connectionLost where !hasHeard && !options.allowsTimelineCreation {
            reason = "it closed the connection, as a safekeeper does that does not have the timeline"
        } catch {
            reason = "\(error)"
        }
        lose(id, reason)
    }

    /// A connection is of no use any more.
    private func lose(_ id: LinkID, _ reason: String) {
        guard let link = links.removeValue(forKey: id) else { return }
        link.close()
        handle(.disconnected(id.connection, reason: reason))
    }

    /// Sees that the safekeeper's WAL, if it has any, is of our server: upstream safekeepers would take another one's.
    private func checkSystem(of member: Int, _ postgres: PostgresConnection) async throws {
        let answer: PostgresResult
        do {
            answer = try await postgres.query(ReplicationCommand.identifySystem.description)
        } catch {
            guard case .server = error else { throw error }
            // It does not have the timeline yet.
            return
        }
        guard let found = answer.first("systemid").flatMap({ UInt64($0) }), found != 0, let identity,
            found != identity.systemID
        else { return }
        throw WALPushError.differentSystem(
            safekeeper: configuration.safekeepers[member].address,
            found: found,
            server: identity.systemID
        )
    }

    // MARK: - Sending

    /// Sends what waits, as far as that is possible at once; a task does the rest.
    func sendWaiting(_ id: LinkID) {
        guard let link = links[id], !link.isDraining, let postgres = link.postgres else { return }
        while let next = links[id]?.next {
            guard postgres.hasRoomToSend, let bytes = bytesAtHand(next, for: id) else {
                links[id]?.isDraining = true
                Task(executorPreference: loop) { await self.drain(id, postgres) }
                return
            }
            do {
                _ = try postgres.trySend(bytes)
            } catch {
                return lose(id, "\(error)")
            }
            links[id]?.removeFirst()
        }
    }

    /// Sends what waits until nothing does.
    private func drain(_ id: LinkID, _ postgres: PostgresConnection) async {
        while let next = links[id]?.next {
            let bytes: [UInt8]
            if let atHand = bytesAtHand(next, for: id) {
                bytes = atHand
            } else {
                guard let read = await bytesRead(next, for: id) else { return }
                bytes = read
            }
            do {
                try await postgres.send(bytes)
            } catch {
                return lose(id, "\(error)")
            }
            links[id]?.removeFirst()
        }
        links[id]?.isDraining = false
    }

    /// A message whose WAL, if it has any, is in memory.
    private func bytesAtHand(_ outgoing: MemberLink.Outgoing, for id: LinkID) -> [UInt8]? {
        let version = configuration.safekeepers[id.connection.member].protocolVersion
        guard let range = outgoing.range else { return outgoing.encoded(version) }
        guard let window, window.contains(range) else { return nil }
        if let reader = links[id]?.reader?.reader {
            // It has caught up.
            links[id]?.reader = nil
            Task { await reader.close() }
        }
        if let last = lastRequest, last.message == outgoing.message, last.version == version { return last.bytes }
        let bytes = outgoing.encoded(version, range) { window.copy(range, into: $0) }
        lastRequest = (outgoing.message, version, bytes)
        return bytes
    }

    /// A message whose WAL has to be read; nil if that failed, which the proposer is told.
    private func bytesRead(_ outgoing: MemberLink.Outgoing, for id: LinkID) async -> [UInt8]? {
        guard let range = outgoing.range, let source = outgoing.source, links[id] != nil else { return nil }
        let reader = reader(of: source, for: id)
        do {
            let wal = try await reader.read(range)
            guard links[id] != nil else {
                await reader.close()
                return nil
            }
            let version = configuration.safekeepers[id.connection.member].protocolVersion
            return outgoing.encoded(version, range) { $0.copyBytes(from: wal) }
        } catch {
            guard links[id] != nil else { return nil }
            if error.isRemoved, source == .server, let start = window?.start { handle(.walRemoved(before: start)) }
            handle(.walUnreadable(id.connection, source: source, reason: error.description))
            return nil
        }
    }

    private func reader(of source: ProposerWALSource, for id: LinkID) -> WALReader {
        if let known = links[id]?.reader {
            if known.source == source { return known.reader }
            Task { await known.reader.close() }
        }
        let origin: WALReader.Origin =
            switch source {
            case .server: .server(self.source)
            case .donor(let donor): .safekeeper(safekeepers[donor], term: proposer?.term ?? .initial)
            }
        let reader = WALReader(origin)
        links[id]?.reader = (source, reader)
        return reader
    }
}
