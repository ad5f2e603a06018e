import EventLog
import Glibc
import SyncCore
import SyncEngine

/// What a replay is asked to tell, and what came of it so far.
final class ReplayReport {
    struct Options {
        let verifies: Bool
        /// Each step is shown.
        let shows: Bool
        let breakpoints: ReplayBreakpoints
        /// Each divergence is told, not the first one alone.
        let tellsAll: Bool
    }

    private let options: Options
    private let printer: ReplayPrinter
    private let stream: String
    private let first: Position
    private var prompt: ReplayPrompt

    private var events: UInt64 = 0
    private var steps: UInt64 = 0
    private var divergences: UInt64 = 0
    private var ofOtherRules: UInt64 = 0
    private var firstDivergence: Position?
    /// The replay ends within a step, which is not decided anew.
    private var isCut = false
    private var control = ControlState()
    private var total: (sum: String, records: UInt64)?
    /// Whether the condition of the breakpoints held after the last step.
    private var held = false
    private var isStopped = false

    /// - Parameter first: steps before it are not shown.
    init(_ options: Options, _ printer: ReplayPrinter, _ stream: String, from first: Position) {
        self.options = options
        self.printer = printer
        self.stream = stream
        self.first = first
        prompt = ReplayPrompt(isWanted: options.shows && !printer.output.isJSON)
    }

    /// Takes a step into account, and shows it if that is wanted.
    ///
    /// - Returns: false when the walk ends here.
    func take(
        _ step: Replayer.Step, _ writer: borrowing LogWriter, _ totals: PastTotals?,
        beforePrinting: () -> Void
    ) throws -> Bool {
        control = step.control
        events += UInt64(step.events.count)
        if !step.events.isEmpty { steps += 1 }
        isCut = isCut || step.isCut
        if let divergence = step.divergence { try take(divergence, beforePrinting) }
        guard let last = step.events.last?.position else { return true }
        if !options.breakpoints.isEmpty, step.events.contains(where: \.event.bringsTexts) {
            total = try totals?.total(at: last)
        }
        let state = StateValues(control, stream, total: total)
        // What held before the first step that is shown doesn't begin to hold there.
        let isBreak = try isBreak(step, writer, state) && last >= first
        guard last >= first else { return true }
        if options.shows && prompt.isStepping || isBreak {
            beforePrinting()
            printer.print(step, state)
        }
        guard prompt.isInteractive else {
            isStopped = isBreak
            return !isStopped
        }
        guard prompt.isStepping || isBreak else { return true }
        isStopped = !prompt.goesOn(hasBreaks: !options.breakpoints.isEmpty)
        return !isStopped
    }

    private func take(_ divergence: Divergence, _ beforePrinting: () -> Void) throws {
        if firstDivergence == nil || options.tellsAll {
            beforePrinting()
            try printer.print(divergence)
        }
        divergences += 1
        if divergence.isOfOtherRules { ofOtherRules += 1 }
        firstDivergence = firstDivergence ?? divergence.position
    }

    private func isBreak(
        _ step: Replayer.Step, _ writer: borrowing LogWriter, _ state: StateValues
    ) throws -> Bool {
        let isShown = (step.events.last?.position ?? .none) >= first
        let isNamed = isShown ? try options.breakpoints.names(step, writer) : false
        guard let condition = options.breakpoints.condition else { return isNamed }
        let holds = try condition.holds(state)
        defer { held = holds }
        return isNamed || holds && !held
    }

    // MARK: The end

    /// Says what came of it.
    ///
    /// - Throws: exit 12 when the rules that the log names decide otherwise today, 1 when only
    ///   others do.
    func end() throws {
        let output = printer.output
        if output.isJSON {
            output.line(json.line)
        } else {
            output.line(words)
        }
        if exitCode != 0 { throw CommandFailure.silent(exitCode) }
    }

    private var exitCode: Int32 {
        if divergences > ofOtherRules { return ExitCode.corrupt }
        return ofOtherRules > 0 ? ExitCode.failure : 0
    }

    private var json: JSONText {
        let verification: JSONText =
            options.verifies
            ? .object([
                ("divergences", .number(divergences)), ("ofOtherRules", .number(ofOtherRules)),
                ("first", firstDivergence.map { .number($0.rawValue) } ?? .null),
                ("cutsStep", .literal(String(isCut))), ("deciderVersion", .number(Decider.version)),
            ]) : .null
        return .object([
            ("v", .number(1)), ("type", "summary"), ("stream", .string(stream)),
            ("exitCode", .number(exitCode)), ("position", .number(control.position.rawValue)),
            ("events", .number(events)), ("steps", .number(steps)),
            ("stopped", .literal(String(isStopped))), ("verification", verification),
            ("state", StateValues(control, stream).json),
        ])
    }

    private var words: String {
        let time = control.position == .none ? "" : ", \(control.time.toTheSecond)"
        let place = "@\(control.position.rawValue)\(time)"
        guard options.verifies else { return "\(place): \(StateValues(control, stream).words)" }
        guard divergences > 0 else {
            return "\(steps.grouped) steps of \(events.grouped) events, up to \(place): each is "
                + "decided as it was"
                + (isCut ? ", but for the last one, which is cut there and not compared" : "")
        }
        let others = ofOtherRules > 0 ? ", \(ofOtherRules.grouped) of them by other rules" : ""
        return "\(divergences.grouped) of \(steps.grouped) steps are decided otherwise\(others)"
    }
}

/// Asks on a terminal how to go on.
private struct ReplayPrompt {
    let isInteractive: Bool
    /// Stops at each step, and not at breaks only.
    private(set) var isStepping = true

    init(isWanted: Bool) {
        isInteractive = isWanted && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1
    }

    mutating func goesOn(hasBreaks: Bool) -> Bool {
        while true {
            let others = hasBreaks ? "c to the next break" : "c to the end"
            Output.prompt("Enter for the next step, \(others), q to quit: ")
            switch readLine() {
            case "", "n": isStepping = true
            case "c": isStepping = false
            case "q", nil: return false
            default: continue
            }
            return true
        }
    }
}
