import ArgumentParser
import EventLog
import Glibc
import Projections
import SyncCore

extension LogCommand {
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print events, oldest first.",
            discussion: """
                Example: ossync log show --record 4711 --since now-7d
                Example: ossync log show --status 5xx,none --endpoint list --reverse --limit 20
                """)

        @OptionGroup(title: "Which events") var filter: EventFilterOptions

        @OptionGroup var listing: EventListingOptions

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let session = try Session(global)
            let log = try session.openLog()
            var left = listing.limit ?? .max
            guard left > 0 else { return }
            let choice = try filter.choice(session, log)
            let printer = EventPrinter(session.output, choice.control, bodies: listing.bodies)
            try choice.search.forEach(backwards: listing.reverse, bodies: printer.needs) {
                event, schema in
                printer.print(event, schema: schema)
                left -= 1
                return left > 0
            }
        }
    }

    struct Tail: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print the newest events, and with --follow those to come.",
            discussion: "Example: ossync log tail --lines 50 --follow --event RateLimited")

        @Option(
            name: [.customShort("n"), .long], parsing: .unconditional, help: "How many events.")
        var lines = 20

        @Flag(name: .shortAndLong, help: "Go on with new events until interrupted.")
        var follow = false

        @OptionGroup(title: "Which events") var filter: EventFilterOptions

        @OptionGroup var global: GlobalOptions

        func validate() throws { try ValidationError.check("--lines", lines, least: 0) }

        func run() throws {
            let session = try Session(global)
            var log = try session.openLog()
            let choice = try filter.choice(session, log)
            let printer = EventPrinter(session.output, choice.control, bodies: false)
            var newest: [(event: LoggedEvent, schema: UInt16)] = []
            if lines > 0 {
                do throws {
                    try choice.search.forEach(backwards: true, bodies: printer.needs) {
                        event, schema in
                        newest.append((event, schema))
                        return newest.count < lines
                    }
                } catch let error as EventLogError where error.isMissing {
                    // What is there is what was asked for, as far as that can be had.
                    session.output.note("older events are not at hand: \(error)".withoutControls)
                }
            }
            for found in newest.reversed() { printer.print(found.event, schema: found.schema) }
            guard follow else { return }
            var last = choice.control.position
            while true {
                usleep(200_000)
                // A compaction puts another file in its place.
                if !log.isInPlace { log = try session.openLog() }
                let end = try log.snapshot().tail().position
                guard end > last else { continue }
                var wanted = choice.filter
                wanted.limit(to: last.next...end)
                try EventSearch(log, wanted).forEach(bodies: printer.needs) { event, schema in
                    printer.print(event, schema: schema)
                    return true
                }
                last = end
            }
        }
    }
}
