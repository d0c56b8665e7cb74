import ShardIdentity

// MARK: - Parsing

extension SafekeeperStartupOptions {
    /// Parses the value of `options`; throws ``StartupOptionsError``.
    ///
    /// Tokens without `=` and unknown keys are ignored; of a repeated key the last value counts.
    public init(text: String) throws(StartupOptionsError) {
        self.init()
        var selection = WALReceiverProtocol.vanilla
        var shard = ShardParameters()
        for token in StartupOptionTokens.tokens(of: text) {
            guard let equals = token.firstIndex(of: "=") else { continue }
            let value = String(token[token.index(after: equals)...])
            switch token[..<equals] {
            case "tenant_id", "ztenantid": tenant = try Self.parse(value, .tenant, TenantID.init)
            case "timeline_id", "ztimelineid": timeline = try Self.parse(value, .timeline, TimelineID.init)
            case "protocol": selection = try Self.parseProtocol(value)
            case "shard_count": shard.count = try Self.parse(value, .shardCount) { UInt8(decimalDigits: $0) }
            case "shard_number": shard.number = try Self.parse(value, .shardNumber) { UInt8(decimalDigits: $0) }
            case "shard_stripe_size":
                shard.stripeSize = try Self.parse(value, .stripeSize) { UInt32(decimalDigits: $0) }
            case "availability_zone": availabilityZone = value
            default: continue
            }
        }
        switch selection {
        case .vanilla:
            guard shard.isEmpty else { throw .shardForVanilla }
            receiver = .vanilla
        case .interpreted(let format):
            receiver = .interpreted(format, try shard.identity())
        }
    }

    private static func parse<Value>(
        _ text: String,
        _ key: StartupOptionsError.Key,
        _ parse: (String) -> Value?
    ) throws(StartupOptionsError) -> Value {
        guard let value = parse(text) else { throw .invalidValue(key: key, value: text) }
        return value
    }

    private static func parseProtocol(_ text: String) throws(StartupOptionsError) -> WALReceiverProtocol {
        do {
            return try WALReceiverProtocol(json: text)
        } catch {
            throw .invalidProtocol(value: text, error)
        }
    }
}

/// The three keys that name a shard.
private struct ShardParameters {
    var count: UInt8?
    var number: UInt8?
    var stripeSize: UInt32?

    var isEmpty: Bool { count == nil && number == nil && stripeSize == nil }

    /// The shard, also the only one of an unsharded tenant, which is number 0 of 0.
    func identity() throws(StartupOptionsError) -> ShardIdentity {
        guard let count, let number, let stripeSize else { throw .missingShard }
        do {
            let index = try ShardIndex(number: ShardNumber(number), count: ShardCount(count))
            return ShardIdentity(index: index, stripeSize: try ShardStripeSize(pages: stripeSize))
        } catch {
            throw .invalidShard(error)
        }
    }
}

/// How the value of `options` is cut into tokens.
enum StartupOptionTokens {
    /// The parts between white space that is not behind a backslash.
    ///
    /// A backslash behind a backslash is an ordinary character. Tokens keep their backslashes, as in other safekeepers.
    static func tokens(of text: String) -> [String] {
        var tokens: [String] = []
        var token: [UInt8] = []
        var isEscaped = false
        for byte in text.utf8 {
            if byte.isASCIIWhitespace, !isEscaped {
                if !token.isEmpty { tokens.append(String(decoding: token, as: UTF8.self)) }
                token.removeAll(keepingCapacity: true)
            } else {
                token.append(byte)
            }
            isEscaped = byte == UInt8(ascii: "\\") && !isEscaped
        }
        if !token.isEmpty { tokens.append(String(decoding: token, as: UTF8.self)) }
        return tokens
    }

    /// A token as it is written among others: backslashes and spaces get a backslash.
    static func escaped(_ token: String) -> String {
        token.reduce(into: "") { text, character in
            if character == "\\" || character == " " { text.append("\\") }
            text.append(character)
        }
    }
}

// MARK: - Text

extension SafekeeperStartupOptions {
    /// The value of `options`.
    ///
    /// Clients that push WAL, and computes that read it, do not name the protocol: for them `namesProtocol` is false, and
    /// raw WAL is what they mean.
    /// Source: `replication-protocol.md` §1.6.
    public func text(namesProtocol: Bool = true) -> String {
        var tokens = ["-c"]
        if let timeline { tokens.append("timeline_id=\(timeline)") }
        if let tenant { tokens.append("tenant_id=\(tenant)") }
        if namesProtocol || receiver != .vanilla { tokens.append("protocol=\(receiver.selection.json)") }
        if case .interpreted(_, let shard) = receiver {
            tokens.append("shard_count=\(shard.count)")
            tokens.append("shard_number=\(shard.number)")
            tokens.append("shard_stripe_size=\(shard.stripeSize)")
        }
        if let availabilityZone { tokens.append("availability_zone=\(availabilityZone)") }
        return tokens.map(StartupOptionTokens.escaped).joined(separator: " ")
    }
}
