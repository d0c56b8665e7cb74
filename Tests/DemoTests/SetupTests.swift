import Foundation
import TestFixtures
import Testing

/// `scripts/setup` where packages can't be had: nothing of this machine is changed, since all that could is replaced.
@Suite("Setup without packages")
struct SetupTests {
    private static let script = URL(fileURLWithPath: #filePath)
        .appendingPathComponent("../../../scripts/setup").standardized.path

    private let folder: TemporaryFolder

    /// Replaces what asks for packages and what installs them.
    ///
    /// The one says that all are installed but those in `MISSING`; apt-get and pip get nothing.
    init() throws {
        folder = try TemporaryFolder()
        try tool("apt-get", "echo 'E: Unable to fetch some archives' >&2; exit 100")
        try tool(
            "dpkg-query",
            #"for name; do case " $MISSING -W " in *" $name "*) ;; *) echo "installed $name" ;; esac; done"#
        )
        try tool(
            "python3",
            #"case "$*" in *"pip --version"*) exit 0 ;; *) echo 'ERROR: no network' >&2; exit 1 ;; esac"#
        )
        // Nobody becomes root for this.
        try tool("id", "echo 0")
        try tool("tee", "cat >/dev/null")
        try tool("mkdir", #"case "$*" in *createcluster*) ;; *) exec /bin/mkdir "$@" ;; esac"#)
    }

    private func tool(_ name: String, _ script: String) throws {
        try folder.write("#!/bin/sh\n\(script)\n".utf8, to: name)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path(of: name))
    }

    private func setup(missing: String, _ arguments: String...) throws -> FinishedProcess {
        try FinishedProcess.run(
            "/usr/bin/env",
            [
                "PATH=\(folder.path):/usr/bin:/bin", "MISSING=\(missing)",
                "INTERPRETED_WAL_CACHE=\(folder.path(of: "cache"))", Self.script,
            ] + arguments
        )
    }

    @Test("No PostgreSQL can be had: that is said, and everything else goes on")
    func withoutServers() throws {
        let result = try setup(missing: "postgresql-15")
        #expect(result.status == 0, "\(result.errors)")
        #expect(
            result.text.hasSuffix(
                """
                setup: done, but without PostgreSQL 15, 16, 17: make demo generates WAL instead, \
                and tests that need it fail

                """
            ),
            "\(result.text)"
        )
        #expect(result.errors.contains("setup: apt-get could not install them (status 100)"))
        #expect(result.errors.contains("is PyPI reachable from here?"))
        let check = try setup(missing: "postgresql-15", "--check")
        #expect(check.status == 1)
        #expect(check.text.contains("missing: Debian package postgresql-15"))
        #expect(check.text.contains("missing: PostgreSQL 17.10 in "))
    }

    @Test("A library that can't be had ends it: nothing could be built")
    func withoutLibraries() throws {
        let result = try setup(missing: "librocksdb-dev")
        #expect(result.status == 1)
        #expect(result.text == "setup: installing Debian packages: librocksdb-dev\n")
        #expect(result.errors.hasSuffix("setup: apt-get could not install them (status 100)\n"))
    }
}
