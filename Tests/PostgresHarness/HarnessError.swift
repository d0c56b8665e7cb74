/// Why a server or one of its tools could not do what was asked.
package struct HarnessError: Error, CustomStringConvertible {
    /// What happened, with the program's own words where there are any.
    package let description: String

    package init(_ description: String) {
        self.description = description
    }

    /// An error named after a failed system call: `"what: No such file or directory"`.
    static func systemCall(_ what: String, code: Int32) -> HarnessError {
        HarnessError("\(what): \(describe(errorCode: code))")
    }
}
