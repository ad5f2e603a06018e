import EventLog
import Records
import SyncCore
import SyncEngine

/// Prints steps and divergences of a replay.
struct ReplayPrinter {
    let output: Output
    private let events: EventJSON
    private let event: (Position) throws -> LoggedEvent?

    /// - Parameters:
    ///   - control: knows all streams.
    ///   - event: looks an event up, for the causes of a divergence.
    init(
        _ output: Output, _ control: ControlState,
        event: @escaping (Position) throws -> LoggedEvent?
    ) {
        self.output = output
        events = EventPrinter.json(control, bodies: false)
        self.event = event
    }

    // MARK: Steps

    func print(_ step: Replayer.Step, _ state: StateValues) {
        guard output.isJSON else {
            for event in step.events {
                output.line(EventPrinter.words(event, EventNarrator.text(event)))
            }
            output.line("          \(state.words)")
            return
        }
        output.line(
            JSONText.object([
                ("v", .number(1)), ("type", "step"),
                ("first", .number(step.events.first?.position.rawValue ?? 0)),
                ("last", .number(step.events.last?.position.rawValue ?? 0)),
                ("time", .optional(step.events.last?.time.rfc3339())),
                ("events", .array(step.events.map(brief))), ("state", state.json),
            ]).line)
    }

    private func brief(_ event: LoggedEvent) -> JSONText {
        .object([
            ("position", .number(event.position.rawValue)),
            ("time", .string(event.time.rfc3339())), ("run", .optional(event.run.runText)),
            ("event", .string(event.event.type.name)), ("cause", .number(event.cause.rawValue)),
            ("message", .string(EventNarrator.text(event).withoutControls)),
        ])
    }

    // MARK: Divergences

    /// Tells a step that is decided otherwise, with what led to it.
    func print(_ divergence: Divergence) throws {
        let expected = divergence.decidedEvent
        let actual = divergence.recordedEvent
        let texts = (expected.map(text), actual.map(text))
        let fields = try differences(
            expected.map { text($0.withoutTexts) }, actual.map { text($0.withoutTexts) })
        let chain = try chain(of: actual ?? expected)
        guard output.isJSON else {
            for line in words(divergence, fields, chain) { output.line(line.withoutControls) }
            return
        }
        output.line(
            JSONText.object([
                ("v", .number(1)), ("type", "divergence"),
                ("position", .number(divergence.position.rawValue)),
                ("run", .optional((actual ?? expected)?.run.runText)),
                ("recordedVersion", divergence.recordedVersion.map { .number($0) } ?? .null),
                ("version", .number(Decider.version)),
                ("otherRules", .literal(String(divergence.isOfOtherRules))),
                ("expected", texts.0.map { .literal($0) } ?? .null),
                ("actual", texts.1.map { .literal($0) } ?? .null),
                ("fields", .array(fields.map(json(of:)))), ("chain", .array(chain.map(brief))),
            ]).line)
    }

    private func text(_ event: LoggedEvent) -> String {
        var writer = JSONWriter()
        events.write(event, schema: event.event.type.schemaVersion, to: &writer)
        return writer.text
    }

    /// Where the event that is decided today differs from the one that is recorded.
    private func differences(_ expected: String?, _ actual: String?) throws -> [JSONDifference] {
        guard let expected, let actual else { return [] }
        return try JSONDifference.between(Array(expected.utf8)[...], Array(actual.utf8)[...])
    }

    private func json(of field: JSONDifference) -> JSONText {
        .object([
            ("pointer", .string(field.pointer)), ("expected", Self.json(field.before)),
            ("actual", Self.json(field.after)),
        ])
    }

    private static func json(_ text: [UInt8]?) -> JSONText {
        text.map { .literal(String(decoding: $0, as: UTF8.self)) } ?? .null
    }

    /// Each page of a list follows from the one before: what is further back says nothing more.
    private static let longestChain = 32

    /// What led to an event, the oldest first.
    private func chain(of last: LoggedEvent?) throws -> [LoggedEvent] {
        var chain: [LoggedEvent] = []
        var cause = last?.cause ?? .none
        // A cause lies before what follows from it, in a log that is whole.
        while cause != .none, chain.count < Self.longestChain, let found = try event(cause) {
            chain.append(found)
            cause = found.cause < cause ? found.cause : .none
        }
        return chain.reversed()
    }

    private func words(
        _ divergence: Divergence, _ fields: [JSONDifference], _ chain: [LoggedEvent]
    ) -> [String] {
        func line(_ event: LoggedEvent?, _ nothing: String) -> String {
            event.map { "\($0.event.type.name): \(EventNarrator.text($0))" } ?? nothing
        }
        var lines = [
            "@\(divergence.position.rawValue) is decided otherwise"
                + (divergence.isOfOtherRules
                    ? ", by other rules (version \(divergence.recordedVersion ?? 0), now "
                        + "\(Decider.version))" : ""),
            "  expected " + line(divergence.decidedEvent, "nothing"),
            "  actual   " + line(divergence.recordedEvent, "nothing at this moment"),
        ]
        for field in fields {
            lines.append(
                "  \(field.pointer): expected \(Self.word(field.before)), actual "
                    + Self.word(field.after))
        }
        lines += chain.map { "  after " + EventPrinter.words($0, EventNarrator.text($0)) }
        return lines
    }

    private static func word(_ text: [UInt8]?) -> String {
        text.map { String(decoding: $0, as: UTF8.self) } ?? "nothing"
    }
}
