/// A secret value that no print, interpolation, dump or mirror shows.
struct SecretText: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let value: String

    init(_ value: String) {
        self.value = value
    }

    /// The value itself, for the one place that sends it.
    func reveal() -> String { value }

    var description: String { "***" }
    var debugDescription: String { "***" }
    var customMirror: Mirror { Mirror(self, children: []) }
}
