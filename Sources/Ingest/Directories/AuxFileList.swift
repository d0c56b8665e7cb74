internal import InterpretedWAL

/// The aux files that share a key, which is mostly one: keys are hashes of paths.
///
/// Source: `ingest.md` §3.9.
struct AuxFileList: Hashable {
    struct File: Hashable {
        var path: String
        var content: [UInt8]
    }

    private(set) var files: [File] = []

    /// Puts a file at the end of the list, an empty one not at all; gives whether an older one was removed.
    mutating func update(path: String, content: [UInt8]) -> Bool {
        let count = files.count
        files.removeAll { $0.path == path }
        let isRemoved = files.count < count
        if !content.isEmpty { files.append(File(path: path, content: content)) }
        return isRemoved
    }

    init() {}

    func encoded() -> [UInt8] {
        guard !files.isEmpty else { return [] }
        var buffer = OutputBuffer(minimumCapacity: 64)
        buffer.append(1)
        for file in files {
            buffer.append(bigEndian: UInt32(file.path.utf8.count))
            buffer.append(Array(file.path.utf8))
            buffer.append(bigEndian: UInt32(file.content.count))
            buffer.append(file.content)
        }
        return buffer.array
    }

    /// Nil for anything that is not of the form.
    init?(decoding bytes: [UInt8]) {
        guard let version = bytes.first else { return }
        guard version == 1 else { return nil }
        var rest = bytes[1...]
        while !rest.isEmpty {
            guard let path = AuxFileList.take(&rest), let content = AuxFileList.take(&rest),
                let text = String(validating: path, as: UTF8.self)
            else { return nil }
            files.append(File(path: text, content: Array(content)))
        }
    }

    /// Takes a length of 32 bits, big-endian, and that many bytes off the front.
    private static func take(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard rest.count >= 4 else { return nil }
        let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
        rest = rest.dropFirst(4)
        guard rest.count >= length else { return nil }
        defer { rest = rest.dropFirst(length) }
        return rest.prefix(length)
    }
}
