import InterpretedWAL
import PostgresWAL
import ReplicationProtocol
import TestFixtures
import Testing

/// Damaged input of every decoder: refused with its typed error, or read as something that can be written again.
@Suite struct MutationTests {
    static let rounds: UInt64 = 60_000

    /// What became of the inputs.
    private struct Tally {
        var refused = 0
        var accepted = 0
    }

    private func forEachMutation(
        of original: (inout SeededGenerator) throws -> [UInt8],
        rounds: UInt64,
        _ read: ([UInt8], UInt64) throws -> Bool
    ) throws {
        var tally = Tally()
        var bytes: [UInt8] = []
        for seed in 0..<rounds {
            var generator = SeededGenerator(seed: seed)
            if seed % 20 == 0 { bytes = try original(&generator) }
            if try read(generator.mutation(of: bytes), seed) { tally.accepted += 1 } else { tally.refused += 1 }
        }
        #expect(tally.refused > 100 && tally.accepted > 100, "\(tally)")
    }

    @Test(arguments: ConsensusProtocolVersion.allCases)
    func proposerMessages(version: ConsensusProtocolVersion) throws {
        let original: (inout SeededGenerator) throws -> [UInt8] = { generator in
            let (message, wal) = try generator.proposerMessage(version)
            return encode(message, version, wal: wal)
        }
        try forEachMutation(of: original, rounds: Self.rounds / 6) { bytes, seed in
            do {
                let message = try proposerMessage(bytes, version)
                var wal: [UInt8] = []
                if case .append(let request) = message { wal = Array(bytes[request.walRange(in: version)]) }
                let again = try proposerMessage(encode(message, version, wal: wal), version)
                #expect(again == message, "seed \(seed)")
                return true
            } catch let error as ConsensusMessageError {
                #expect(!error.description.isEmpty, "seed \(seed)")
                return false
            }
        }
    }

    @Test(arguments: ConsensusProtocolVersion.allCases)
    func acceptorMessages(version: ConsensusProtocolVersion) throws {
        let original: (inout SeededGenerator) throws -> [UInt8] = { encode(try $0.acceptorMessage(version), version) }
        try forEachMutation(of: original, rounds: Self.rounds / 6) { bytes, seed in
            do {
                let message = try acceptorMessage(bytes, version)
                #expect(try acceptorMessage(encode(message, version), version) == message, "seed \(seed)")
                return true
            } catch let error as ConsensusMessageError {
                #expect(!error.description.isEmpty, "seed \(seed)")
                return false
            }
        }
    }

    @Test func streamReplies() throws {
        let original: (inout SeededGenerator) -> [UInt8] = { generator in
            let reply = generator.streamReply()
            return encoded { reply.encode(into: &$0) }
        }
        try forEachMutation(of: original, rounds: Self.rounds / 6) { bytes, seed in
            do {
                let reply = try WALStreamReply(decoding: bytes.span.bytes)
                if case .ignored = reply { return true }
                let again = encoded { reply.encode(into: &$0) }
                #expect(try WALStreamReply(decoding: again.span.bytes) == reply, "seed \(seed)")
                return true
            } catch let error as WALStreamMessageError {
                #expect(!error.description.isEmpty, "seed \(seed)")
                return false
            }
        }
    }

    @Test func streamMessages() throws {
        let original: (inout SeededGenerator) -> [UInt8] = { generator in
            let tag = Array("wk0".utf8).randomElement(using: &generator) ?? 0
            let size = tag == UInt8(ascii: "k") ? 17 : 40
            return [tag] + (0..<size).map { _ in UInt8.random(in: 0...255, using: &generator) }
        }
        try forEachMutation(of: original, rounds: Self.rounds / 12) { bytes, seed in
            do {
                let message = try WALStreamMessage(decoding: bytes.span.bytes)
                #expect(message.payloadRange(in: bytes.count).upperBound == bytes.count, "seed \(seed)")
                return true
            } catch is WALStreamMessageError {
                return false
            }
        }
    }

    @Test func startupPackets() throws {
        let original: (inout SeededGenerator) -> [UInt8] = { _ in ConsensusVectors.startup }
        try forEachMutation(of: original, rounds: Self.rounds / 12) { bytes, seed in
            do {
                let packet = try StartupRequest.next(in: bytes.span.bytes)
                guard case .startup(let message)? = packet?.request else { return packet != nil }
                #expect(encoded { message.encode(into: &$0) } == Array(bytes.prefix(packet?.size ?? 0)), "seed \(seed)")
                _ = try SafekeeperStartupOptions(message)
                return true
            } catch is StartupError {
                return false
            } catch is StartupOptionsError {
                return false
            }
        }
    }

    @Test func frames() throws {
        let original: (inout SeededGenerator) -> [UInt8] = { _ in ConsensusVectors.startWALPush }
        try forEachMutation(of: original, rounds: Self.rounds / 12) { bytes, _ in
            do {
                let bytes = bytes.span.bytes
                guard let frame = try FrontendFrame.next(in: bytes, maximumSize: 1 << 16) else { return false }
                let body = bytes.extracting(frame.bodyRange)
                guard case .query(let text) = try FrontendMessage(tag: frame.tag, body: body) else { return true }
                _ = try ReplicationCommand(parsing: text)
                return true
            } catch is FrameError {
                return false
            } catch is FrontendMessageError {
                return false
            } catch is ReplicationCommandError {
                return false
            }
        }
    }

    @Test(arguments: [
        "START_REPLICATION SLOT \"s\" PHYSICAL 0/149FD18 (term='7') TIMELINE 1",
        "START_WAL_PUSH (proto_version '3', allow_timeline_creation 'false')",
        "CREATE_REPLICATION_SLOT \"s\" TEMPORARY PHYSICAL (RESERVE_WAL true);",
    ]) func commands(text: String) throws {
        try forEachMutation(of: { _ in Array(text.utf8) }, rounds: Self.rounds / 12) { bytes, seed in
            do {
                let command = try ReplicationCommand(parsing: String(decoding: bytes, as: UTF8.self))
                #expect(!command.description.isEmpty, "seed \(seed)")
                return true
            } catch let error as ReplicationCommandError {
                #expect(!error.description.isEmpty, "seed \(seed)")
                return false
            }
        }
    }

    @Test func protocolSelections() throws {
        let text = #"{"type":"interpreted","args":{"format":"protobuf","compression":{"zstd":{"level":1}}}}"#
        try forEachMutation(of: { _ in Array(text.utf8) }, rounds: Self.rounds / 12) { bytes, seed in
            do {
                let selection = try WALReceiverProtocol(json: String(decoding: bytes, as: UTF8.self))
                #expect(try WALReceiverProtocol(json: selection.json) == selection, "seed \(seed)")
                return true
            } catch is ProtocolSelectionError {
                return false
            }
        }
    }
}
