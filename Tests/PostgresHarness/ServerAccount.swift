import Glibc

/// The account a server runs as: PostgreSQL refuses to run as root.
struct ServerAccount: Sendable {
    let user: uid_t
    let group: gid_t

    /// Ourselves, or `postgres` (else `nobody`) when we are root.
    static func suitable() throws -> ServerAccount {
        guard geteuid() == 0 else { return ServerAccount(user: geteuid(), group: getegid()) }
        for name in ["postgres", "nobody"] {
            if let entry = getpwnam(name) {
                return ServerAccount(user: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
            }
        }
        throw HarnessError("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
    }

    /// The command that runs `arguments` under this account: it replaces itself, so the process id stays.
    func command(_ arguments: [String]) -> [String] {
        guard geteuid() == 0 else { return arguments }
        return ["/usr/bin/setpriv", "--reuid=\(user)", "--regid=\(group)", "--init-groups", "--"] + arguments
    }

    /// Makes a folder that belongs to this account and that only it (and root) can look into.
    func makeFolder(_ path: String) throws {
        guard mkdir(path, 0o700) == 0, chown(path, user, group) == 0 else {
            throw HarnessError.systemCall("could not make \(path)", code: errno)
        }
    }

    /// Makes a folder with a fresh short name in `/tmp`: a Unix socket's path is limited to 107 bytes.
    func makeTemporaryFolder() throws -> String {
        var template = Array("/tmp/iwal-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil, chown(template, user, group) == 0 else {
            throw HarnessError.systemCall("could not make a folder in /tmp", code: errno)
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
