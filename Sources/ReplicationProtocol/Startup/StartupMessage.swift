public import InterpretedWAL

/// The start of a session: names with values.
///
/// Source: `replication-protocol.md` §1.3.
public struct StartupMessage: Hashable, Sendable {
    /// A setting of the session.
    public struct Parameter: Hashable, Sendable {
        /// The name, never empty.
        public let name: String
        /// The value.
        public let value: String

        /// Makes a setting.
        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// PostgreSQL's protocol 3.0.
    public static let version3: UInt32 = 0x0003_0000

    /// The protocol version, major in the upper 16 bits; a safekeeper does not look at it.
    public let version: UInt32
    /// The settings in the order sent.
    public let parameters: [Parameter]

    /// Makes a message; throws ``StartupError/invalidField(_:)`` for an empty name and for a zero byte in a text.
    public init(version: UInt32 = StartupMessage.version3, parameters: [Parameter]) throws(StartupError) {
        for parameter in parameters {
            guard !parameter.name.isEmpty else {
                throw .invalidField(FieldFault(field: "name", .invalidValue("empty")))
            }
            guard !parameter.name.utf8.contains(0), !parameter.value.utf8.contains(0) else {
                throw .invalidField(FieldFault(field: parameter.name, .invalidValue("zero byte in the text")))
            }
        }
        self.version = version
        self.parameters = parameters
    }

    /// The value of a name; the first one counts.
    public subscript(name: String) -> String? {
        parameters.first { $0.name == name }?.value
    }

    /// Reads pairs of texts up to an empty name, after which nothing may follow.
    init(version: UInt32, from reader: inout WireReader) throws(FieldFault) {
        var parameters: [Parameter] = []
        while true {
            let name = try reader.readCString("name")
            if name.isEmpty { break }
            parameters.append(Parameter(name: name, value: try reader.readCString("value")))
        }
        try reader.finish(after: "parameters")
        self.version = version
        self.parameters = parameters
    }

    /// Appends the packet.
    public func encode(into buffer: inout OutputBuffer) {
        buffer.appendLengthPrefixed { packet in
            packet.append(bigEndian: version)
            for parameter in parameters {
                packet.append(cString: parameter.name)
                packet.append(cString: parameter.value)
            }
            packet.append(0)
        }
    }
}
