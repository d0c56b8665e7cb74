internal import InterpretedWAL

// Relation maps: which file each mapped catalog is in.
// Source: `ingest.md` §2.4, §3.4.

extension WALIngest {
    mutating func ingest(_ change: RelationMapMetadata) throws(IngestFault) {
        switch change {
        case .update(let database, let tablespace, _, let content):
            try putRelationMap(content, of: DatabaseLocator(tablespace: tablespace, database: database))
        }
    }
}
