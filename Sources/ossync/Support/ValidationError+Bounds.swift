import ArgumentParser

extension ValidationError {
    /// Refuses a number below the least; one that wasn't given is right.
    ///
    /// Such an option parses `.unconditional`: taken as it is, a negative number is judged here,
    /// and is no option that is unknown.
    static func check(_ flag: String, _ value: Int?, least: Int) throws {
        guard let value, value < least else { return }
        throw ValidationError("\(flag) \(value): give \(least) or more")
    }
}
