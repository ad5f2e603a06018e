import EventLog
import SyncCore

/// Prints events one a line, for people or as JSON.
struct EventPrinter {
    private let output: Output
    private let json: EventJSON

    init(_ output: Output, _ control: ControlState, bodies: Bool) {
        self.output = output
        json = Self.json(control, bodies: bodies)
    }

    /// How events are written with the names of their streams.
    static func json(_ control: ControlState, bodies: Bool) -> EventJSON {
        let names = control.streams.map { ($0.id, $0.name) }
        return EventJSON(
            includeBodies: bodies, streamNames: Dictionary(uniqueKeysWithValues: names))
    }

    /// What must be decoded of an event: JSON shows the sizes of the records' texts.
    var needs: EventCoder.Bodies { output.isJSON ? .all : .none }

    func print(_ event: LoggedEvent, schema: UInt16) {
        if output.isJSON {
            var writer = JSONWriter()
            json.write(event, schema: schema, to: &writer)
            writer.endLine()
            output.bytes(writer.bytes)
        } else {
            output.line(Self.words(event, EventNarrator.text(event)))
        }
    }

    /// An event on a line for people.
    static func words(_ event: LoggedEvent, _ text: String) -> String {
        let run = event.run.runText ?? "-"
        let name = event.event.type.name
        return
            ("@\(event.position.rawValue)".padded(to: 9)
            + " \(event.time.rfc3339()) \(run.padded(to: 7)) \(name.padded(to: 16)) "
            + text).withoutControls
    }
}
