import InterpretedWAL
import ReplicationProtocol

/// A message as its bytes in protocol 3, without WAL.
func hexadecimal(_ message: ProposerMessage) -> String {
    var buffer = OutputBuffer()
    switch message {
    case .greeting(let greeting): greeting.encode(into: &buffer, version: .v3)
    case .voteRequest(let request): request.encode(into: &buffer, version: .v3)
    case .elected(let elected): elected.encode(into: &buffer, version: .v3)
    case .append(let request): request.encodeHeartbeat(into: &buffer, version: .v3)
    }
    return buffer.array.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
