/// Limits how many files a program may have open.
///
/// - Parameters:
///   - soft: the limit that it begins with.
///   - hard: up to where it may raise that; as far as this process may if nil.
/// - Returns: a command that becomes the program, whose own command line follows it.
package func launcher(openFiles soft: Int, raisedUpTo hard: Int? = nil) -> [String] {
    let limits = "ulimit -S -n \(soft); " + (hard.map { "ulimit -H -n \($0); " } ?? "")
    return ["/bin/sh", "-c", limits + "exec \"$@\"", "sh"]
}
