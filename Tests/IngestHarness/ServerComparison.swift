package import Ingest
package import PostgresWAL
import ShardIdentity

/// What a shard holds against the files of the stopped server; each difference in words.
package struct ServerComparison {
    private let files: DataDirectory
    private let reader: ShardReader
    private let lsn: LSN
    /// What was found.
    package private(set) var differences: [String] = []
    /// How many things were compared.
    package private(set) var count = 0
    /// Maps that are as large as their file, and those that are smaller.
    package private(set) var mapSizes = (equal: 0, smaller: 0)

    package init(_ reader: ShardReader, at lsn: LSN, _ files: DataDirectory) {
        self.reader = reader
        self.lsn = lsn
        self.files = files
    }

    package init(_ shard: ShardIngest, _ files: DataDirectory) {
        self.init(shard.reader, at: shard.positions.lastRecordLSN, files)
    }

    private mutating func expect(_ isEqual: Bool, _ text: @autoclosure () -> String) {
        count += 1
        if !isEqual { differences.append(text()) }
    }

    /// Which relations there are, and how large.
    ///
    /// Free space maps are hardly logged, nor is what unlogged relations hold. A relation that was being extended when
    /// the server was killed has pages of zeros at its end that nobody has logged.
    package mutating func compareRelations() throws {
        let unlogged = files.unlogged
        var stored: [RelationTag: Int] = [:]
        for (database, _) in try reader.databases(at: lsn) {
            for relation in try reader.relations(of: database, at: lsn) {
                stored[relation] = Int(try reader.relationSize(relation, at: lsn) ?? 0) * RelationPage.size
            }
        }
        for (relation, size) in files.sizes
        where relation.fork == ForkNumber.initialization
            || relation.fork == ForkNumber.main && !unlogged.contains(relation.locator)
        {
            guard let found = stored[relation] else {
                expect(false, "\(relation) is not stored")
                continue
            }
            let isFollowedByZeros = try found < size && files.content(of: relation)[found...].allSatisfy { $0 == 0 }
            expect(found == size || isFollowedByZeros, "\(relation) has \(size) bytes, \(found) stored")
        }
        for relation in stored.keys where relation.fork == ForkNumber.main || relation.fork == ForkNumber.initialization
        {
            // A file that was dropped just before a backup began may be in it, empty: it waits for a checkpoint to go, and
            // no WAL behind says that it has gone. A replica has such files too.
            expect(files.sizes[relation] != nil || stored[relation] == 0, "\(relation) is stored only")
        }
    }

    /// The sizes of free space maps and visibility maps.
    ///
    /// That a map grows is not logged, so it may be larger in the file. Of a visibility map what is missing then has no bits;
    /// of a free space map it may be anything, since few of its changes are logged. That a map is cut is logged.
    package mutating func compareMapSizes() throws {
        let unlogged = files.unlogged
        let maps = [ForkNumber.freeSpaceMap, ForkNumber.visibilityMap]
        for (relation, size) in files.sizes
        where maps.contains(relation.fork) && !unlogged.contains(relation.locator) {
            let stored = Int(try reader.relationSize(relation, at: lsn) ?? 0) * RelationPage.size
            expect(stored <= size, "\(relation) has \(size) bytes, \(stored) stored")
            guard stored < size else {
                mapSizes.equal += 1
                continue
            }
            mapSizes.smaller += 1
            guard relation.fork == ForkNumber.visibilityMap else { continue }
            let rest = try files.content(of: relation)[stored...]
            let hasBits = rest.indices.contains { $0 % RelationPage.size >= 24 && rest[$0] != 0 }
            expect(!hasBits, "\(relation) has bits beyond the \(stored) bytes stored")
        }
        for (database, _) in try reader.databases(at: lsn) {
            for relation in try reader.relations(of: database, at: lsn)
            where maps.contains(relation.fork) && files.sizes[relation] == nil {
                // As with tables: files that were dropped just before a backup began.
                expect(try reader.relationSize(relation, at: lsn) == 0, "\(relation) is stored only")
            }
        }
    }

    /// The bits of all visibility maps, page by page; maps that were never logged are empty.
    ///
    /// Of databases copied by WAL, PostgreSQL logs the maps' pages as if the bits were free space: a replica, like us,
    /// has fewer of them set than the server.
    package mutating func compareVisibilityMaps(copiedByWAL: Set<UInt32> = []) throws {
        let unlogged = files.unlogged
        for relation in files.sizes.keys
        where relation.fork == ForkNumber.visibilityMap && !unlogged.contains(relation.locator) {
            let file = try files.content(of: relation)
            for start in stride(from: 0, to: file.count, by: RelationPage.size) {
                let block = UInt32(start / RelationPage.size)
                let key = Key.relationBlock(relation, block: block)
                guard reader.shard.identity.isLocal(key) else { continue }
                let page = try reader.page(relation, block: block, at: lsn)
                let bits = start + 24..<start + RelationPage.size
                let isEqual = page[24...].elementsEqual(file[bits])
                let isSubset = zip(page[24...], file[bits]).allSatisfy { $0 & ~$1 == 0 }
                let isLogged = copiedByWAL.contains(relation.locator.database)
                expect(isLogged ? isSubset : isEqual, "block \(block) of \(relation) has other bits")
            }
        }
    }

    /// The commit log and the multixacts, byte by byte.
    package mutating func compareSLRUs() throws {
        for kind in SLRUKind.allCases {
            let segments = try files.segments(of: kind)
            let stored = try reader.slruSegments(kind, at: lsn)
            // Upstream removes members only, so segments of offsets may be left.
            let numbers = Set(stored).intersection(kind == .multiXactOffsets ? Set(segments.keys) : Set(stored))
            expect(numbers == Set(segments.keys), "\(kind): segments \(segments.keys.sorted()), \(stored) stored")
            for (number, content) in segments where numbers.contains(number) {
                var found = try reader.slruSegment(kind, segment: number, at: lsn)
                if kind == .multiXactOffsets { try takeNextOffset(of: content, into: &found, segment: number) }
                let place = firstDifference(found, content)
                expect(found == content, "\(kind) segment \(number) differs: \(place)")
            }
        }
    }

    /// Newer servers write where the members of the next multixact will begin, together with the last one's.
    private func takeNextOffset(of file: [UInt8], into page: inout [UInt8], segment: UInt32) throws {
        let next = try reader.checkpoint(at: lsn).nextMultiXact
        guard next / 2048 / 32 == segment else { return }
        let place = Int(next % (2048 * 32)) * 4
        guard place + 4 <= min(page.count, file.count) else { return }
        page.replaceSubrange(place..<place + 4, with: file[place..<place + 4])
    }

    private func firstDifference(_ first: [UInt8], _ second: [UInt8]) -> String {
        let place = zip(first, second).enumerated().first { $1.0 != $1.1 }?.offset
        return "\(first.count) and \(second.count) bytes, first at \(place.map(String.init) ?? "the end")"
    }

    /// Every page of every relation, byte by byte: only right behind the import of a stopped server.
    package mutating func comparePages() throws {
        for (relation, size) in files.sizes {
            let file = try files.content(of: relation)
            guard file.count == size else { continue }
            for start in stride(from: 0, to: file.count, by: RelationPage.size) {
                let block = UInt32(start / RelationPage.size)
                guard reader.shard.identity.isLocal(.relationBlock(relation, block: block)) else { continue }
                let page = try reader.page(relation, block: block, at: lsn)
                expect(page.elementsEqual(file[start..<start + RelationPage.size]), "block \(block) of \(relation)")
            }
        }
    }
}
