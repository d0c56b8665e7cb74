package import HTTPTypes
internal import ReplicationProtocol

/// Why a request of the management API is answered with something else than what was asked for.
///
/// Clients look for parts of the texts. Source: `safekeeper-operations.md` §1.7.
package enum ManagementError: Error, Hashable, Sendable {
    /// The request is not one.
    case badRequest(String)
    /// It lacks a token.
    case unauthorized(String)
    /// It has one that does not allow this, or is against the rules of membership.
    case forbidden(String)
    /// What it is about isn't there.
    case notFound(String)
    /// Something else was sooner.
    case conflict(String)
    /// Its body is longer than any that is read.
    case tooLarge(maximum: Int)
    /// It could not be done.
    case internalError(String)
    /// The safekeeper is being stopped.
    case shuttingDown

    /// The status of the answer.
    package var status: HTTPResponse.Status {
        switch self {
        case .badRequest: .badRequest
        case .unauthorized: .unauthorized
        case .forbidden: .forbidden
        case .notFound: .notFound
        case .conflict: .conflict
        case .tooLarge: .contentTooLarge
        case .internalError: .internalServerError
        case .shuttingDown: .serviceUnavailable
        }
    }

    /// The `msg` of the answer.
    package var message: String {
        switch self {
        // This one travels in quotes.
        case .badRequest(let why): Self.quoted(why)
        case .unauthorized(let why): "Unauthorized: \(why)"
        case .forbidden(let why): "Forbidden: \(why)"
        case .notFound(let why): "NotFound: \(why)"
        case .conflict(let why): "Conflict: \(why)"
        case .tooLarge(let maximum): "request body is longer than \(maximum) bytes"
        case .internalError(let why): why
        case .shuttingDown: "Shutting down"
        }
    }

    /// A text in quotes, with quotes, backslashes and line breaks in it escaped.
    private static func quoted(_ text: String) -> String {
        JSONValue.string(text).text
    }
}
