internal import Glibc
package import Ingest
internal import PostgresWAL
internal import ReplicationProtocol
internal import ShardIdentity

/// Where a shard lies: `<workdir>/tenants/<tenant>[-<number><count>]/timelines/<timeline>`, with its store and a file that
/// says what the shard is.
package struct ShardFolder: Hashable, Sendable {
    /// The folder.
    package let path: String

    /// The store in it.
    var store: String { path + "/store" }

    private var description: String { path + "/shard.json" }

    /// The folder of a shard, whether it is there or not.
    package init(of shard: TimelineShard, in workdir: String) {
        path = "\(workdir)/tenants/\(shard.tenant)\(shard.identity.storageSuffix)/timelines/\(shard.timeline)"
    }

    private init(path: String) {
        self.path = path
    }

    /// The folder in which the same shard is being made.
    var unfinished: ShardFolder { ShardFolder(path: path + ".unfinished") }

    /// Whether the folder is there.
    var exists: Bool { access(path, F_OK) == 0 }

    /// All shards in a folder, in order; those that were never finished are passed over.
    static func all(in workdir: String) throws(PageserverError) -> [ShardFolder] {
        var folders: [ShardFolder] = []
        for tenant in try names(in: workdir + "/tenants") {
            for timeline in try names(in: "\(workdir)/tenants/\(tenant)/timelines") {
                guard TimelineID(timeline) != nil else { continue }
                folders.append(ShardFolder(path: "\(workdir)/tenants/\(tenant)/timelines/\(timeline)"))
            }
        }
        return folders
    }

    private static func names(in path: String) throws(PageserverError) -> [String] {
        guard let directory = opendir(path) else {
            if errno == ENOENT || errno == ENOTDIR { return [] }
            throw .system("list", path, errno)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}

// MARK: - What the shard is

extension ShardFolder {
    /// Reads what the shard is.
    func readShard() throws(PageserverError) -> TimelineShard {
        let text = try SmallFile.read(description)
        guard let json = try? JSONValue(parsing: text), let shard = TimelineShard(json) else {
            throw .notAShard(path: description, text: String(text.prefix(200)))
        }
        return shard
    }

    /// Writes what the shard is, durably.
    func write(_ shard: TimelineShard) throws(PageserverError) {
        try SmallFile.write(shard.json.text + "\n", to: description)
    }

    /// Makes the folder with those above it.
    func make() throws(PageserverError) {
        var place = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            place += place.isEmpty && part.isEmpty ? "" : (place.isEmpty ? "" : "/") + part
            if place.isEmpty {
                place = "/"
                continue
            }
            let folder = place.replacing("//", with: "/")
            guard mkdir(folder, 0o755) == 0 || errno == EEXIST else { throw .system("make", folder, errno) }
        }
    }

    /// Gives the folder its final name, durably.
    func rename(to folder: ShardFolder) throws(PageserverError) {
        guard Glibc.rename(path, folder.path) == 0 else { throw .system("rename", path, errno) }
        let parent = String(folder.path[..<(folder.path.lastIndex(of: "/") ?? folder.path.startIndex)])
        try SmallFile.synchronize(parent)
    }
}

extension TimelineShard {
    fileprivate var json: JSONValue {
        JSONForms.object([
            "tenant_id": .string("\(tenant)"),
            "timeline_id": .string("\(timeline)"),
            "shard_number": JSONForms.number(identity.number.rawValue),
            "shard_count": JSONForms.number(identity.count.rawValue),
            "shard_stripe_size": JSONForms.number(identity.stripeSize.pages),
            "pg_version": JSONForms.number(version.rawValue),
        ])
    }

    fileprivate init?(_ json: JSONValue) {
        func text(_ name: String) -> String? {
            if case .string(let text)? = json[name] { text } else { nil }
        }
        func number<Number: FixedWidthInteger>(_ name: String) -> Number? {
            if case .integer(let number)? = json[name] { Number(exactly: number) } else { nil }
        }
        guard let tenant = text("tenant_id").flatMap({ TenantID($0) }),
            let timeline = text("timeline_id").flatMap({ TimelineID($0) }),
            let shardNumber: UInt8 = number("shard_number"), let count: UInt8 = number("shard_count"),
            let stripe: UInt32 = number("shard_stripe_size"), let major: Int = number("pg_version"),
            let version = PostgresMajorVersion(rawValue: major),
            let index = try? ShardIndex(number: ShardNumber(shardNumber), count: ShardCount(count)),
            let stripeSize = try? ShardStripeSize(pages: stripe)
        else { return nil }
        self.init(
            tenant: tenant,
            timeline: timeline,
            identity: ShardIdentity(index: index, stripeSize: stripeSize),
            version: version
        )
    }
}

/// Files of a few lines.
enum SmallFile {
    /// The longest that is read.
    static let limit = 64 << 10

    static func read(_ path: String) throws(PageserverError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open", path, errno) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: limit)
        let count = Glibc.read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw .system("read", path, errno) }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }

    static func write(_ text: String, to path: String) throws(PageserverError) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .system("make", path, errno) }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count, fsync(descriptor) == 0 else {
            throw .system("write", path, errno)
        }
    }

    static func synchronize(_ folder: String) throws(PageserverError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open", folder, errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw .system("synchronize", folder, errno) }
    }
}
