import CSpawn
import Glibc
import Synchronization

/// A started program.
///
/// Foundation's `Process` is not used: its children inherit open files, and waiting for one ties up a run loop. This
/// one passes on nothing but the three standard streams, and blocks plainly.
package final class ChildProcess: Sendable {
    package let pid: Int32
    private let exit = Mutex<Int32?>(nil)

    /// How the program's standard input, output and error are connected, as file descriptors of this process.
    package struct Streams {
        var input: Int32
        var output: Int32
        var errors: Int32

        package init(input: Int32, output: Int32, errors: Int32) {
            self.input = input
            self.output = output
            self.errors = errors
        }
    }

    /// Starts `arguments[0]`, a path, in the root folder with exactly the given environment.
    ///
    /// `newSession` detaches it from our terminal and process group, so that a Ctrl-C meant for the tests does not
    /// reach it.
    package init(
        _ arguments: [String],
        environment: [String: String],
        streams: Streams,
        newSession: Bool = false
    ) throws {
        var child: pid_t = 0
        let failure = withCStrings(arguments) { argv in
            withCStrings(environment.map { "\($0)=\($1)" }) { envp in
                cspawn(&child, argv, envp, [streams.input, streams.output, streams.errors], newSession)
            }
        }
        guard failure == 0 else { throw HarnessError.systemCall("could not start \(arguments[0])", code: failure) }
        pid = child
    }

    /// The exit status if the program has ended, 128 + n after signal n; nil while it runs.
    package func exitStatus() -> Int32? {
        exit.withLock { exit in
            if exit == nil {
                var status: Int32 = 0
                let ended = waitpid(pid, &status, WNOHANG)
                if ended == pid { exit = ChildProcess.decode(status) }
                if ended == -1 && errno == ECHILD { exit = 128 }
            }
            return exit
        }
    }

    /// Blocks until the program ends; gives the status as ``exitStatus()`` does.
    @discardableResult
    package func wait() -> Int32 {
        var pause: UInt32 = 200
        while true {
            if let status = exitStatus() { return status }
            usleep(pause)
            pause = min(pause * 2, 10_000)
        }
    }

    /// Blocks until the program ends or the time is over, which gives nil.
    package func wait(atMost limit: Duration) -> Int32? {
        let deadline = ContinuousClock.now + limit
        while ContinuousClock.now < deadline {
            if let status = exitStatus() { return status }
            usleep(2_000)
        }
        return exitStatus()
    }

    /// Sends a signal, unless the program has ended.
    package func signal(_ number: Int32) {
        exit.withLock { exit in
            if exit == nil { kill(pid, number) }
        }
    }

    private static func decode(_ status: Int32) -> Int32 {
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }
}

/// The system's words for an `errno` value.
func describe(errorCode: Int32) -> String {
    String(cString: strerror(errorCode))
}

/// Lends a null-terminated array of C strings.
private func withCStrings<Result>(
    _ strings: [String],
    _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
) -> Result {
    var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return pointers.withUnsafeBufferPointer { buffer in
        guard let first = buffer.baseAddress else {
            preconditionFailure("an array with a null at its end is not empty")
        }
        return body(first)
    }
}
