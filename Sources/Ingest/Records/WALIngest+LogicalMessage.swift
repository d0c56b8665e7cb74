internal import InterpretedWAL
internal import ShardIdentity

// Files that travel as logical messages; shard zero keeps them.
// Source: `ingest.md` §2.4, §3.9.

extension WALIngest {
    mutating func ingest(_ message: LogicalMessageMetadata) throws(IngestFault) {
        switch message {
        case .put(let path, let content):
            guard shard.isShardZero else { return }
            let key = Key.auxFile(path: path)
            var files = try auxFiles(key)
            let isKnown = files.update(path: path, content: content)
            if content.isEmpty && !isKnown {
                warn(.unknownAuxFile(path: path, lsn: lsn))
            }
            directories.auxFiles[key] = files
            try put(files.encoded(), key)
        case .failpoint:
            break
        }
    }

    private func auxFiles(_ key: Key) throws(IngestFault) -> AuxFileList {
        if let files = directories.auxFiles[key] { return files }
        guard let bytes = try storedImage(key) else { return AuxFileList() }
        guard let files = AuxFileList(decoding: bytes) else { throw .unreadable(key) }
        return files
    }
}
