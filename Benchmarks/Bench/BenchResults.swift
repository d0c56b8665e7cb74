import Foundation

/// The figures of a run: printed as they come, and added to the flat JSON object that earlier benches wrote.
struct BenchResults {
    private let path: String
    private var figures: [String: Double] = [:]

    init(path: String) {
        self.path = path
    }

    /// Adds a figure under its key.
    mutating func add(_ key: String, _ value: Double, _ unit: String, _ remark: String = "") {
        figures[key] = (value * 1000).rounded() / 1000
        let number = String(format: "%12.2f", value)
        let name = key.padding(toLength: 44, withPad: " ", startingAt: 0)
        let columns = [name, number, unit.padding(toLength: 7, withPad: " ", startingAt: 0), remark]
        print(columns.joined(separator: " "))
    }

    func heading(_ text: String) {
        print("\n\(text)")
    }

    /// Writes the file; figures of other benches in it stay.
    func write() throws {
        var all: [String: Double] = [:]
        if let old = try? Data(contentsOf: URL(fileURLWithPath: path)) {
            all = try JSONDecoder().decode([String: Double].self, from: old)
        }
        all.merge(figures) { $1 }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        try encoder.encode(all).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
