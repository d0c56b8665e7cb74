/// A message of the server.
///
/// Texts go up to their first zero byte.
/// Source: `replication-protocol.md` §1.5, §1.7, §2.2 to §2.5, §4.9.
public enum BackendMessage: Hashable, Sendable {
    /// `R` 0: the client is let in.
    case authenticationOk
    /// `R` 3: the client is to send its password.
    case authenticationCleartextPassword
    /// `S`: a setting of the server.
    case parameterStatus(name: String, value: String)
    /// `K`: what a cancel request has to name; a safekeeper sends none.
    case backendKeyData(processID: UInt32, secretKey: UInt32)
    /// `Z` in the idle state: the next command may come.
    case readyForQuery
    /// `T`: the columns of the rows that follow.
    case rowDescription([ColumnDescription])
    /// `D`: a row of texts, nil for NULL.
    case dataRow([String?])
    /// `C`: the command has been run.
    case commandComplete(String)
    /// `E`: the command or the stream has failed, or the stream ends on purpose.
    case errorResponse(ErrorResponse)
    /// `W`: from here on both sides send CopyData.
    case copyBothResponse
    /// `c`: the copy stream is at its end.
    case copyDone
    /// `1`: a command has been prepared.
    case parseComplete
    /// `2`: the portal has been made.
    case bindComplete
    /// `3`: it is forgotten.
    case closeComplete
    /// `t`: what was prepared takes no parameters.
    case noParameters
    /// `n`: what was prepared gives no rows.
    case noData
}

/// A column of a row: its name and its type.
public struct ColumnDescription: Hashable, Sendable {
    /// The name.
    public let name: String
    /// The object id of the type.
    public let typeOID: UInt32
    /// The width of the type in bytes, -1 if it varies.
    public let typeSize: Int16

    /// Makes a column of type `text`.
    public static func text(_ name: String) -> ColumnDescription {
        ColumnDescription(name: name, typeOID: 25, typeSize: -1)
    }

    /// Makes a column of type `int4`.
    public static func int4(_ name: String) -> ColumnDescription {
        ColumnDescription(name: name, typeOID: 23, typeSize: 4)
    }

    /// Makes a column of type `int8`.
    public static func int8(_ name: String) -> ColumnDescription {
        ColumnDescription(name: name, typeOID: 20, typeSize: 8)
    }
}

/// What an error tells the client.
///
/// Source: `replication-protocol.md` §1.7.
public struct ErrorResponse: Hashable, Sendable {
    /// The five characters of the kind of error.
    public enum SQLState: String, Hashable, Sendable {
        /// Any failure.
        case internalError = "XX000"
        /// No failure: the stream ends on purpose.
        case successfulCompletion = "00000"
        /// The server goes down.
        case adminShutdown = "57P01"
        /// The connection is lost.
        case connectionFailure = "08006"
    }

    /// The kind of error.
    public let state: SQLState
    /// The text.
    public let message: String

    /// Makes an error.
    public init(_ message: String, state: SQLState = .internalError) {
        self.state = state
        self.message = message
    }
}
