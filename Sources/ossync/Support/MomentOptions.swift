import ArgumentParser

/// The option that asks how things were.
struct MomentOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "As it was then: a position (@4711), a time, a run (r4711) or now-1h.",
            valueName: "point"))
    var at: String?

    /// Nil for now.
    var point: Point? {
        get throws { try at.map { try Point($0) } }
    }

    func validate() throws { try CommandFailure.whileParsing { _ = try point } }
}

extension CommandFailure {
    /// What is wrong with an argument is told before anything else is looked at.
    static func whileParsing(_ body: () throws -> Void) throws {
        do {
            try body()
        } catch let failure as CommandFailure {
            throw ValidationError(failure.line)
        }
    }
}
