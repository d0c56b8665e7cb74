import Foundation

/// The figures of a run: printed as they come, and added to the flat JSON object that earlier benches wrote.
struct BenchResults {
    private let path: String
    private var figures: [String: Double]

    /// Takes over the figures of other benches; throws if the file is there and no flat object of numbers.
    init(path: String) throws {
        self.path = path
        let isThere = FileManager.default.fileExists(atPath: path)
        figures =
            isThere
            ? try JSONDecoder().decode([String: Double].self, from: Data(contentsOf: URL(fileURLWithPath: path))) : [:]
    }

    /// Adds a figure under its key, and prints it.
    mutating func add(_ key: String, _ value: Double, _ unit: String, _ remark: String = "") {
        record(key, value)
        let number = String(format: "%12.2f", value)
        let name = key.padding(toLength: 44, withPad: " ", startingAt: 0)
        let columns = [name, number, unit.padding(toLength: 7, withPad: " ", startingAt: 0), remark]
        print(columns.joined(separator: " "))
    }

    /// Adds a figure under its key; a table has it, or somebody else prints it.
    mutating func record(_ key: String, _ value: Double) {
        figures[key] = (value * 1000).rounded() / 1000
    }

    /// Prints a line at once: whoever waits sees how far it is.
    func line(_ text: String) {
        print(text)
        fflush(nil)
    }

    func heading(_ text: String) {
        print("\n\(text)")
    }

    /// Writes the file.
    func write() throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted]
        try encoder.encode(figures).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
}
