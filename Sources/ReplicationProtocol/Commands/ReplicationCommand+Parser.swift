import PostgresWAL

extension ReplicationCommand {
    /// Parses the text of a query.
    ///
    /// The safekeeper's own commands are recognised by their first characters and in upper case only, and what follows
    /// the part that is understood is ignored. The commands of stock clients may be in either case and end with `;`.
    public init(parsing text: String) throws(ReplicationCommandError) {
        var scanner = CommandScanner(text)
        if text.prefix(17).lowercased() == "set datestyle to " {
            self = .setDateStyle
        } else if scanner.skip("START_WAL_PUSH") {
            self = .startWALPush(try WALPushOptions(from: &scanner))
        } else if scanner.skip("START_REPLICATION") {
            self = .startReplication(try StartReplication(from: &scanner, text: text))
        } else if scanner.skip("IDENTIFY_SYSTEM") {
            self = .identifySystem
        } else if scanner.skip("TIMELINE_STATUS") {
            self = .timelineStatus
        } else {
            guard let command = try Self.stockCommand(from: &scanner, text: text) else { throw .unsupported(text) }
            self = command
        }
    }

    /// The first word of a command, for messages.
    static func name(of text: String) -> String {
        var scanner = CommandScanner(text)
        return scanner.takeWord()
    }
}

// MARK: - START_WAL_PUSH

extension WALPushOptions {
    /// Reads ` (key 'value', …)`; without white space before the parenthesis, or without a closing one, there are none.
    fileprivate init(from scanner: inout CommandScanner) throws(ReplicationCommandError) {
        self.init()
        guard scanner.skipWhitespace(), scanner.skip("("), let end = scanner.lastIndex(of: UInt8(ascii: ")")) else {
            return
        }
        while true {
            try readOption(from: &scanner, end: end)
            guard scanner.position < end else { return }
            scanner.takeByte()
        }
    }

    /// Reads up to the next comma or the end; words after the value are ignored.
    private mutating func readOption(from scanner: inout CommandScanner, end: Int) throws(ReplicationCommandError) {
        var words: [String] = []
        var valuePosition = scanner.position
        while scanner.position < end, scanner.next != UInt8(ascii: ",") {
            if scanner.next?.isASCIIWhitespace == true {
                scanner.takeByte()
                continue
            }
            if words.count == 1 { valuePosition = scanner.position }
            var left = end - scanner.position
            words.append(
                scanner.take { byte in
                    defer { left -= 1 }
                    return left > 0 && byte != UInt8(ascii: ",") && !byte.isASCIIWhitespace
                }
            )
        }
        let name = words.first ?? ""
        guard words.count >= 2 else { throw .invalidOption(name: name, value: nil, position: scanner.position) }
        try set(name, to: words[1].trimming("'"), position: valuePosition)
    }

    private mutating func set(_ name: String, to value: String, position: Int) throws(ReplicationCommandError) {
        let error = ReplicationCommandError.invalidOption(name: name, value: value, position: position)
        switch name {
        case "proto_version":
            guard let number = UInt32(decimalDigits: value) else { throw error }
            protocolNumber = number
        case "allow_timeline_creation":
            guard let flag = Bool(value) else { throw error }
            allowsTimelineCreation = flag
        default:
            break
        }
    }
}

extension String {
    fileprivate func trimming(_ character: Character) -> String {
        var rest = self[...]
        while rest.first == character { rest.removeFirst() }
        while rest.last == character { rest.removeLast() }
        return String(rest)
    }
}

// MARK: - START_REPLICATION

extension StartReplication {
    /// Reads `[ SLOT name][ PHYSICAL] X/X[ (term='N')][ TIMELINE n]` with single spaces, and ignores what follows.
    fileprivate init(from scanner: inout CommandScanner, text: String) throws(ReplicationCommandError) {
        slot = scanner.skip(" SLOT ") ? scanner.take { $0 != UInt8(ascii: " ") } : nil
        guard slot != "" else {
            throw .malformed(command: text, position: scanner.position, expected: "the name of a slot")
        }
        namesPhysical = scanner.skip(" PHYSICAL")
        guard scanner.skip(" ") else {
            throw .malformed(command: text, position: scanner.position, expected: "a space and an LSN")
        }
        let position = scanner.position
        let upper = scanner.take(while: \.isHexDigit)
        guard !upper.isEmpty, scanner.skip("/") else {
            throw .malformed(command: text, position: scanner.position, expected: "the upper half of an LSN")
        }
        let lower = scanner.take(while: \.isHexDigit)
        guard !lower.isEmpty else {
            throw .malformed(command: text, position: scanner.position, expected: "the lower half of an LSN")
        }
        guard let upperHalf = UInt32(upper, radix: 16), let lowerHalf = UInt32(lower, radix: 16) else {
            throw .startOutOfRange(position: position)
        }
        start = LSN(UInt64(upperHalf) << 32 | UInt64(lowerHalf))
        term = try Self.term(from: &scanner)
        timeline = scanner.skip(" TIMELINE ") ? UInt32(decimalDigits: scanner.take(while: \.isDigit)) : nil
    }

    /// Reads a term clause, which is ignored like other text unless it is complete.
    private static func term(from scanner: inout CommandScanner) throws(ReplicationCommandError) -> Term? {
        var ahead = scanner
        guard ahead.skip(" (term='") else { return nil }
        let position = ahead.position
        let digits = ahead.take(while: \.isDigit)
        guard !digits.isEmpty, ahead.skip("')") else { return nil }
        scanner = ahead
        guard let number = UInt64(decimalDigits: digits) else { throw .termOutOfRange(position: position) }
        return Term(number)
    }
}

// MARK: - Commands of stock clients

extension ReplicationCommand {
    private static func stockCommand(
        from scanner: inout CommandScanner,
        text: String
    ) throws(ReplicationCommandError) -> ReplicationCommand? {
        let command: ReplicationCommand
        switch scanner.takeWord().uppercased() {
        case "SHOW":
            command = .show(name: try scanner.takeName("the name of a setting", text))
        case "TIMELINE_HISTORY":
            let position = scanner.position
            guard let number = UInt32(decimalDigits: scanner.takeWord()) else {
                throw .malformed(command: text, position: position, expected: "the number of a timeline")
            }
            command = .timelineHistory(number)
        case "CREATE_REPLICATION_SLOT":
            command = try slotCreation(from: &scanner, text: text)
        case "READ_REPLICATION_SLOT":
            command = .readReplicationSlot(name: try scanner.takeName("the name of a slot", text))
        default:
            return nil
        }
        scanner.skipWhitespace()
        _ = scanner.skip(";")
        scanner.skipWhitespace()
        guard scanner.isAtEnd else {
            throw .malformed(command: text, position: scanner.position, expected: "the end of the command")
        }
        return command
    }

    /// Reads `name [TEMPORARY] PHYSICAL [RESERVE_WAL]`, the last one also in parentheses with an optional value.
    private static func slotCreation(
        from scanner: inout CommandScanner,
        text: String
    ) throws(ReplicationCommandError) -> ReplicationCommand {
        let name = try scanner.takeName("the name of a slot", text)
        let isTemporary = scanner.skip(keyword: "TEMPORARY")
        guard scanner.skip(keyword: "PHYSICAL") else {
            throw .malformed(command: text, position: scanner.position, expected: "PHYSICAL")
        }
        var reservesWAL = scanner.skip(keyword: "RESERVE_WAL")
        scanner.skipWhitespace()
        if !reservesWAL, scanner.skip("(") {
            guard scanner.skip(keyword: "RESERVE_WAL") else {
                throw .malformed(command: text, position: scanner.position, expected: "RESERVE_WAL")
            }
            reservesWAL = !scanner.skip(keyword: "FALSE")
            if reservesWAL { _ = scanner.skip(keyword: "TRUE") }
            scanner.skipWhitespace()
            guard scanner.skip(")") else {
                throw .malformed(command: text, position: scanner.position, expected: "a closing parenthesis")
            }
        }
        return .createReplicationSlot(name: name, isTemporary: isTemporary, reservesWAL: reservesWAL)
    }
}

extension CommandScanner {
    /// Takes a name without its quotes; throws if there is none.
    fileprivate mutating func takeName(_ expected: String, _ text: String) throws(ReplicationCommandError) -> String {
        let position = position
        let word = takeWord()
        let name = word.hasPrefix("\"") ? String(word.dropFirst().dropLast()) : word
        guard !name.isEmpty else { throw .malformed(command: text, position: position, expected: expected) }
        return name
    }
}
