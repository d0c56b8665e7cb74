package import NIOCore
internal import Synchronization

/// The connections of a port that are open.
package final class OpenChannels: Sendable {
    private let channels = Mutex<[ObjectIdentifier: any Channel]>([:])
    private let maximum: Int

    package init(maximum: Int) {
        self.maximum = maximum
    }

    /// Counts a connection in until it is closed; false if there are too many.
    package func admit(_ channel: any Channel) -> Bool {
        let id = ObjectIdentifier(channel)
        let isAdmitted = channels.withLock { channels in
            guard channels.count < maximum else { return false }
            channels[id] = channel
            return true
        }
        if isAdmitted {
            channel.closeFuture.whenComplete { _ in
                self.channels.withLock { _ = $0.removeValue(forKey: id) }
            }
        }
        return isAdmitted
    }

    /// How many there are.
    package var count: Int { channels.withLock { $0.count } }

    /// Closes all, and waits until they are closed.
    package func closeAll() async {
        let open = channels.withLock { Array($0.values) }
        for channel in open { channel.close(promise: nil) }
        for channel in open { try? await channel.closeFuture.get() }
    }
}
