import Foundation

/// The table of what batches weigh.
struct BatchReport {
    let shards: [(name: String, weight: BatchWeight)]
    let raw: BatchWeight
    let showsHashes: Bool

    func write() throws {
        var output = TextBuffer()
        output.append("raw WAL: \(raw.protobufBytes) bytes, \(raw.records) records, \(raw.messages) chunks; ")
        output.append("compressed as it is: \(raw.compressedBytes) bytes (\(ratio(raw.compressedBytes)))")
        try output.endLine()
        try row("shard", ["messages", "records", "protobuf", "ratio", "zstd", "ratio"], hash: "sha256", to: &output)
        for (name, weight) in shards {
            try row(name, cells(weight), hash: weight.hash.finish(), to: &output)
        }
        let total = shards.reduce(into: (messages: 0, records: 0, protobuf: 0, compressed: 0)) { sum, shard in
            sum.messages += shard.weight.messages
            sum.records += shard.weight.records
            sum.protobuf += shard.weight.protobufBytes
            sum.compressed += shard.weight.compressedBytes
        }
        let totals = [
            "\(total.messages)", "\(total.records)", "\(total.protobuf)", ratio(total.protobuf), "\(total.compressed)",
            ratio(total.compressed),
        ]
        try row("total", totals, hash: "", to: &output)
        let everybody = Double(raw.protobufBytes * shards.count)
        output.append("every shard receiving the raw WAL: \(Int(everybody)) bytes; ")
        output.append("\(factor(everybody, total.protobuf)) x less as protobuf, ")
        output.append("\(factor(everybody, total.compressed)) x less as zstd")
        try output.endLine()
        try output.flush()
    }

    private func cells(_ weight: BatchWeight) -> [String] {
        [
            "\(weight.messages)", "\(weight.records)", "\(weight.protobufBytes)", ratio(weight.protobufBytes),
            "\(weight.compressedBytes)", ratio(weight.compressedBytes),
        ]
    }

    private func row(_ name: String, _ cells: [String], hash: String, to output: inout TextBuffer) throws {
        output.append(name, filledTo: 6)
        for (cell, width) in zip(cells, [9, 10, 13, 8, 12, 8]) { output.appendPadded(cell, width: width) }
        if showsHashes { output.append("  \(hash)") }
        try output.endLine()
    }

    /// A part of the raw WAL.
    private func ratio(_ bytes: Int) -> String {
        String(format: "%.4f", raw.protobufBytes == 0 ? 0 : Double(bytes) / Double(raw.protobufBytes))
    }

    private func factor(_ whole: Double, _ bytes: Int) -> String {
        String(format: "%.1f", bytes == 0 ? 0 : whole / Double(bytes))
    }
}
