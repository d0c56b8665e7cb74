import InterpretedWAL
import PostgresWAL

/// The form is a count of pairs and the pairs of key, length and value; it is big-endian in both protocol versions.
extension PageserverFeedback {
    /// Appends the pairs.
    func encode(into buffer: inout OutputBuffer) {
        buffer.append(UInt8(5 + (shardNumber > 0 ? 1 : 0) + (corruptionDetected ? 1 : 0)))
        buffer.appendPair("current_timeline_size", currentTimelineSize)
        buffer.appendPair("ps_writelsn", lastReceived.rawValue)
        buffer.appendPair("ps_flushlsn", diskConsistent.rawValue)
        buffer.appendPair("ps_applylsn", remoteConsistent.rawValue)
        buffer.appendPair("ps_replytime", replyTime.microseconds)
        if shardNumber > 0 { buffer.appendPair("shard_number", shardNumber) }
        if corruptionDetected { buffer.appendPair("corruption_detected", UInt8(1)) }
    }

    /// Reads all that is left of a big-endian message.
    ///
    /// Keys come in any order, unknown ones are passed over, and of a repeated one the last value counts.
    init(from reader: inout WireReader) throws(FieldFault) {
        self.init()
        let count: UInt8 = try reader.read("n_keys")
        for _ in 0..<count { try readPair(from: &reader) }
        try reader.finish(after: "PageserverFeedback")
    }

    private mutating func readPair(from reader: inout WireReader) throws(FieldFault) {
        switch try reader.readCString("key") {
        case "current_timeline_size": currentTimelineSize = try reader.readValue("current_timeline_size")
        case "ps_writelsn", "last_received_lsn": lastReceived = LSN(try reader.readValue("ps_writelsn"))
        case "ps_flushlsn", "disk_consistent_lsn": diskConsistent = LSN(try reader.readValue("ps_flushlsn"))
        case "ps_applylsn", "remote_consistent_lsn": remoteConsistent = LSN(try reader.readValue("ps_applylsn"))
        case "ps_replytime", "replytime":
            replyTime = PostgresTimestamp(microseconds: try reader.readValue("ps_replytime"))
        case "shard_number": shardNumber = try reader.readValue("shard_number")
        case "corruption_detected":
            let flag: UInt8 = try reader.readValue("corruption_detected")
            corruptionDetected = flag != 0
        default:
            let size: UInt32 = try reader.read("value length")
            try reader.skip(Int(size), "value")
        }
    }
}

extension WireReader {
    fileprivate mutating func readValue<Value: FixedWidthInteger & BitwiseCopyable>(
        _ field: StaticString
    ) throws(FieldFault) -> Value {
        let expected = MemoryLayout<Value>.size
        let size: UInt32 = try read(field)
        guard size == expected else {
            throw FieldFault(field: "\(field)", .wrongLength(expected: expected, found: size))
        }
        return try read(field)
    }
}

extension OutputBuffer {
    fileprivate mutating func appendPair(_ key: String, _ value: some FixedWidthInteger & BitwiseCopyable) {
        append(cString: key)
        append(bigEndian: UInt32(value.bitWidth / 8))
        append(bigEndian: value)
    }
}
