/// A value that must never be shown: it prints as `***`, also inside of other values.
package struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
{
    private let value: String

    package init(_ value: String) { self.value = value }

    package var description: String { "***" }
    package var debugDescription: String { "***" }
    package var customMirror: Mirror { Mirror(self, children: []) }

    package var isEmpty: Bool { value.isEmpty }

    /// The value itself: to check it, to build a request, and to find it in what comes back.
    package func reveal() -> String { value }
}
