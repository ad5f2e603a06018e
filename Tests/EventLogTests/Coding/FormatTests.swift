import EventLog
import SyncCore
import Testing

/// A start reads only what came after the stored state: an older program would not see a new type
/// before it has appended to the log. So whatever is new in the events has a new store format.
@Suite struct FormatTests {
    @Test func theTypesAndSchemasOfTheStoreFormatAreThese() {
        #expect(LogSchema.format == 3)
        let known = EventType.allCases.map { "\($0.rawValue):\($0.schemaVersion)" }
        #expect(
            known == (1...36).map { "\($0):1" },
            "a new type of event, or a new schema, needs the next LogSchema.format")
    }
}
