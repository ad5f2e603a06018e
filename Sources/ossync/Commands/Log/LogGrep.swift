import ArgumentParser
import EventLog
import Glibc
import Projections
import SyncCore

extension LogCommand {
    struct Grep: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the events that contain a text, the records' own texts included.",
            discussion: """
                The text is looked for in the JSON of each event as `log show --json --bodies` \
                prints it. Exit 1 when no event has it.

                Example: ossync log grep 'Acme Ltda' --event PageFetched
                Example: ossync log grep --regex '"status":(500|502)'
                """)

        @Argument(help: "The text, or with --regex a POSIX extended regular expression.")
        var pattern: String

        @Flag(name: [.customShort("E"), .long], help: "The pattern is a regular expression.")
        var regex = false

        @Flag(name: .shortAndLong, help: "Upper and lower case of ASCII letters are alike.")
        var ignoreCase = false

        @OptionGroup(title: "Which events") var filter: EventFilterOptions

        @OptionGroup var listing: EventListingOptions

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            let matcher = try TextMatcher(pattern, isRegex: regex, ignoresCase: ignoreCase)
            var left = listing.limit ?? .max
            guard left > 0 else { return }
            let choice = try filter.choice(session, log)
            let whole = EventPrinter.json(choice.control, bodies: true)
            let printer = EventPrinter(session.output, choice.control, bodies: listing.bodies)
            var isFound = false
            var writer = JSONWriter()
            try choice.search.forEach(backwards: listing.reverse) { event, schema in
                writer.reset()
                whole.write(event, schema: schema, to: &writer)
                guard matcher.matches(writer.bytes) else { return true }
                isFound = true
                printer.print(event, schema: schema)
                left -= 1
                return left > 0
            }
            if !isFound { throw CommandFailure.silent(ExitCode.failure) }
        }
    }
}

/// Looks for a text, or for what a POSIX extended regular expression says.
final class TextMatcher {
    private enum Kind {
        case text([UInt8])
        case regex(UnsafeMutablePointer<regex_t>)
    }

    private let kind: Kind

    /// - Throws: exit 2 for an expression that is none.
    init(_ pattern: String, isRegex: Bool, ignoresCase: Bool) throws {
        guard isRegex || ignoresCase else {
            kind = .text(Array(pattern.utf8))
            return
        }
        let compiled = UnsafeMutablePointer<regex_t>.allocate(capacity: 1)
        compiled.initialize(to: regex_t())
        let text = isRegex ? pattern : Self.escaped(pattern)
        let flags = REG_EXTENDED | REG_NOSUB | (ignoresCase ? REG_ICASE : 0)
        let status = regcomp(compiled, text, flags)
        guard status == 0 else {
            var message = [CChar](repeating: 0, count: 256)
            regerror(status, compiled, &message, message.count)
            compiled.deallocate()
            let reason = String(
                decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            throw CommandFailure(ExitCode.usage, "\(pattern): not a regular expression: \(reason)")
        }
        kind = .regex(compiled)
    }

    deinit {
        guard case .regex(let compiled) = kind else { return }
        regfree(compiled)
        compiled.deallocate()
    }

    func matches(_ text: [UInt8]) -> Bool {
        switch kind {
        case .text(let pattern):
            return text.withUnsafeBytes { Self.isFound(pattern, in: $0) }
        case .regex(let compiled):
            // JSON holds no zero byte, which would end the text.
            var text = text
            text.append(0)
            return text.withUnsafeBufferPointer { bytes in
                bytes.withMemoryRebound(to: CChar.self) {
                    regexec(compiled, $0.baseAddress, 0, nil, 0) == 0
                }
            }
        }
    }

    private static func isFound(_ pattern: [UInt8], in text: UnsafeRawBufferPointer) -> Bool {
        guard let first = pattern.first else { return true }
        var rest = text
        while rest.count >= pattern.count, let start = rest.baseAddress,
            let hit = memchr(start, Int32(first), rest.count - pattern.count + 1)
        {
            if memcmp(hit, pattern, pattern.count) == 0 { return true }
            let offset = UnsafeRawPointer(hit) - start + 1
            rest = UnsafeRawBufferPointer(rebasing: rest[offset...])
        }
        return false
    }

    /// The expression that means a text as it stands.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { escaped, character in
            if "\\^$.[]|()*+?{}".contains(character) { escaped.append("\\") }
            escaped.append(character)
        }
    }
}
