import Glibc

/// Ends a server and deletes its folder when this process is gone, however it went.
///
/// A small shell in a session of its own waits for the end of a socket whose other end only we hold. (The kernel's
/// parent-death signal will not do: it comes when the *thread* that started the child ends.)
final class Watchdog: Sendable {
    private let shell: ChildProcess
    private let socket: Int32

    /// Watches over `folder`, where a server has its data in `data`.
    init(folder: String) throws {
        var ends: [Int32] = [0, 0]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw HarnessError.systemCall("no socket pair", code: errno)
        }
        defer { close(ends[0]) }
        let nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC)
        defer { close(nowhere) }
        // A process id in a stale file may be someone else's by now: only a process that lives in our folder is meant.
        let script = """
            read -r ignored
            if read -r pid <"$1/data/postmaster.pid"; then
                n=0
                while [ "$(readlink "/proc/$pid/cwd")" = "$1/data" ] && [ $n -lt 100 ]; do
                    kill -QUIT "$pid"
                    sleep 0.1
                    n=$((n + 1))
                done
            fi
            # Once more while something is left: an initdb that was under way may still be writing.
            n=0
            while [ -e "$1" ] && [ $n -lt 50 ]; do
                rm -rf "$1" || sleep 0.1
                n=$((n + 1))
            done
            """
        shell = try ChildProcess(
            ["/bin/sh", "-c", script, "watchdog", folder],
            environment: ["PATH": "/usr/bin:/bin"],
            streams: .init(input: ends[0], output: nowhere, errors: nowhere),
            newSession: true
        )
        socket = ends[1]
    }

    /// Calls it off: the folder is no longer watched.
    func dismiss() {
        shell.signal(SIGKILL)
        shell.wait()
        close(socket)
    }
}
