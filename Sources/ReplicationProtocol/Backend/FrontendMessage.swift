public import InterpretedWAL

/// A message of a client after login.
///
/// Source: `replication-protocol.md` §1.5, §1.7, §4.9.
public enum FrontendMessage: Hashable, Sendable {
    /// `Q`: run a command.
    case query(String)
    /// `p`: the answer to the request for a password.
    case password(String)
    /// `d`: part of the copy stream; its payload is the body of the frame.
    case copyData
    /// `c`: the copy stream is at its end.
    case copyDone
    /// `f`: the client gives the copy stream up, with its reason.
    case copyFail(String)
    /// `P`: prepare a command, without parameters.
    case parse(String)
    /// `B`: make the unnamed portal of what was prepared.
    case bind
    /// `D`: describe what was prepared.
    case describeStatement
    /// `D`: describe the unnamed portal.
    case describePortal
    /// `E`: run the unnamed portal.
    case execute
    /// `C`: forget what was prepared.
    case close
    /// `H`: send what is held back.
    case flush
    /// `S`: the end of a series of such messages.
    case sync
    /// `X`: the client leaves.
    case terminate
}

/// Why a client's message is none; the connection is over.
public enum FrontendMessageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A message that is not spoken here.
    case unknownTag(UInt8)
    /// A field of the message with this tag is wrong.
    case invalidField(tag: UInt8, FieldFault)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .unknownTag(let tag): "unknown message tag \(tag)"
        case .invalidField(let tag, let fault): "\(fault) (message '\(Character(Unicode.Scalar(tag)))')"
        }
    }
}

// MARK: - Decoding

extension FrontendMessage {
    /// Decodes the body of a frame.
    ///
    /// Of the extended protocol only the unnamed statement and portal without parameters are understood.
    public init(tag: UInt8, body: RawSpan) throws(FrontendMessageError) {
        var reader = WireReader(body)
        guard let message = try Self.message(tag: tag, from: &reader) else { throw .unknownTag(tag) }
        self = message
    }

    private static func message(
        tag: UInt8,
        from reader: inout WireReader
    ) throws(FrontendMessageError) -> FrontendMessage? {
        do {
            switch tag {
            case UInt8(ascii: "Q"): return .query(try reader.readWholeText("query"))
            case UInt8(ascii: "p"): return .password(try reader.readWholeText("password"))
            case UInt8(ascii: "d"): return .copyData
            case UInt8(ascii: "c"): return try reader.readNothing(.copyDone)
            case UInt8(ascii: "f"): return .copyFail(try reader.readWholeText("reason"))
            case UInt8(ascii: "P"): return .parse(try reader.readPreparation())
            case UInt8(ascii: "B"): return try reader.readBinding()
            case UInt8(ascii: "D"): return try reader.readDescription()
            case UInt8(ascii: "E"): return try reader.readExecution()
            case UInt8(ascii: "C"): return .close
            case UInt8(ascii: "H"): return try reader.readNothing(.flush)
            case UInt8(ascii: "S"): return try reader.readNothing(.sync)
            case UInt8(ascii: "X"): return try reader.readNothing(.terminate)
            default: return nil
            }
        } catch {
            throw .invalidField(tag: tag, error)
        }
    }
}

extension WireReader {
    fileprivate mutating func readWholeText(_ field: StaticString) throws(FieldFault) -> String {
        let text = try readCString(field)
        try finish(after: field)
        return text
    }

    fileprivate func readNothing(_ message: FrontendMessage) throws(FieldFault) -> FrontendMessage {
        try finish(after: "length")
        return message
    }

    fileprivate mutating func readPreparation() throws(FieldFault) -> String {
        _ = try readCString("statement")
        let query = try readCString("query")
        let parameterCount: UInt16 = try read("parameter count")
        try expect(parameterCount == 0, "parameter count", "\(parameterCount), expected 0")
        try finish(after: "parameter count")
        return query
    }

    fileprivate mutating func readBinding() throws(FieldFault) -> FrontendMessage {
        try readUnnamed("portal")
        _ = try readCString("statement")
        return .bind
    }

    fileprivate mutating func readDescription() throws(FieldFault) -> FrontendMessage {
        let kind: UInt8 = try read("kind")
        let isPortal = kind == UInt8(ascii: "P")
        try expect(isPortal || kind == UInt8(ascii: "S"), "kind", "\(kind), expected 'S' or 'P'")
        if isPortal { try readUnnamed("portal") }
        return isPortal ? .describePortal : .describeStatement
    }

    fileprivate mutating func readExecution() throws(FieldFault) -> FrontendMessage {
        try readUnnamed("portal")
        let rowLimit: UInt32 = try read("row limit")
        try expect(rowLimit == 0, "row limit", "\(rowLimit), expected 0")
        try finish(after: "row limit")
        return .execute
    }

    private mutating func readUnnamed(_ field: StaticString) throws(FieldFault) {
        let name = try readCString(field)
        try expect(name.isEmpty, field, "'\(name)', expected the unnamed one")
    }

    private func expect(
        _ condition: Bool,
        _ field: StaticString,
        _ what: @autoclosure () -> String
    ) throws(FieldFault) {
        guard condition else { throw FieldFault(field: "\(field)", .invalidValue(what())) }
    }
}

// MARK: - Encoding

extension FrontendMessage {
    /// Appends the frame of a message of the simple protocol, for tests and tools.
    ///
    /// A text goes up to its first zero byte. Traps for `copyData`, whose payload it does not have, see
    /// ``InterpretedWAL/OutputBuffer/appendCopyData(_:)``, and for the extended protocol, which we do not use.
    public func encode(into buffer: inout OutputBuffer) {
        switch self {
        case .query(let text): buffer.appendFrame(tag: UInt8(ascii: "Q")) { $0.append(cString: text) }
        case .password(let text): buffer.appendFrame(tag: UInt8(ascii: "p")) { $0.append(cString: text) }
        case .copyFail(let text): buffer.appendFrame(tag: UInt8(ascii: "f")) { $0.append(cString: text) }
        case .copyDone: buffer.appendFrame(tag: UInt8(ascii: "c")) { _ in }
        case .sync: buffer.appendFrame(tag: UInt8(ascii: "S")) { _ in }
        case .terminate: buffer.appendFrame(tag: UInt8(ascii: "X")) { _ in }
        case .copyData, .parse, .bind, .describeStatement, .describePortal, .execute, .close, .flush:
            preconditionFailure("no frame is made of \(self)")
        }
    }
}
