public import InterpretedWAL

/// How WAL is sent to a pageserver: the receiver chooses, the sender does it or closes.
///
/// Source: `replication-protocol.md` §3.1.
public enum WALReceiverProtocol: Hashable, Sendable {
    /// Raw.
    case vanilla
    /// Interpreted, in this form.
    case interpreted(WireFormat)
}

/// Why a text selects no protocol.
public enum ProtocolSelectionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not JSON of the kind that is understood.
    case json(JSONError)
    /// A key that has to be there.
    case missingKey(String)
    /// A value that its key does not take.
    case invalidValue(key: String, String)

    /// What is wrong, in words.
    public var description: String {
        switch self {
        case .json(let error): "\(error)"
        case .missingKey(let key): "missing field `\(key)`"
        case .invalidValue(let key, let value): "invalid value \(value) of `\(key)`"
        }
    }
}

// MARK: - Parsing

extension WALReceiverProtocol {
    /// Parses the value of `protocol`; unknown keys are ignored, and keys come in any order.
    public init(json text: String) throws(ProtocolSelectionError) {
        let selection: JSONValue
        do {
            selection = try JSONValue(parsing: text)
        } catch {
            throw .json(error)
        }
        switch try selection.member("type", of: "protocol") {
        case .string("vanilla"):
            self = .vanilla
        case .string("interpreted"):
            self = .interpreted(try WireFormat(try selection.member("args", of: "protocol")))
        case let other:
            throw .invalidValue(key: "type", "\(other)")
        }
    }
}

extension WireFormat {
    fileprivate init(_ arguments: JSONValue) throws(ProtocolSelectionError) {
        let name = try arguments.member("format", of: "args")
        guard case .string(let text) = name, let format = InterpretedFormat(rawValue: text) else {
            throw .invalidValue(key: "format", "\(name)")
        }
        self.init(format: format)
        let codec = arguments["compression"] ?? .null
        if codec != .null {
            guard case .object(let members) = codec, members.count == 1 else {
                throw .invalidValue(key: "compression", "\(codec)")
            }
            let level = try codec.member("zstd", of: "compression").member("level", of: "zstd")
            guard case .integer(let number) = level, let level = Int8(exactly: number) else {
                throw .invalidValue(key: "level", "\(level)")
            }
            compression = .zstd(level: level)
        }
    }
}

extension JSONValue {
    fileprivate func member(_ key: String, of parent: String) throws(ProtocolSelectionError) -> JSONValue {
        guard case .object = self else { throw .invalidValue(key: parent, "\(self)") }
        guard let value = self[key] else { throw .missingKey(key) }
        return value
    }
}

// MARK: - Text

extension WALReceiverProtocol {
    /// The value of `protocol`, without white space.
    public var json: String {
        switch self {
        case .vanilla:
            return #"{"type":"vanilla"}"#
        case .interpreted(let format):
            let compression =
                switch format.compression {
                case nil: "null"
                case .zstd(let level): #"{"zstd":{"level":\#(level)}}"#
                }
            let arguments = #"{"format":"\#(format.format.rawValue)","compression":\#(compression)}"#
            return #"{"type":"interpreted","args":\#(arguments)}"#
        }
    }
}
