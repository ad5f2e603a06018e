import ArgumentParser
import EventLog
import Projections
import SyncCore

/// The options that choose events; what they name is looked up in a history.
struct EventFilterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("Kinds of events, for example PageFetched.", valueName: "names"),
        completion: .list(EventType.allCases.map(\.name)))
    var event: [String] = []

    @Option(
        help: ArgumentHelp(
            "Records: events that changed them, and pages that had them.", valueName: "ids"))
    var record: [String] = []

    @Option(help: ArgumentHelp("Runs, for example r4711.", valueName: "runs"))
    var run: [String] = []

    @Option(
        help: ArgumentHelp("Endpoints of requests: list, detail, health.", valueName: "names"),
        completion: .list(Endpoint.allCases.map(\.name)))
    var endpoint: [String] = []

    @Option(
        help: ArgumentHelp("HTTP statuses: 429, 5xx, or none for no answer.", valueName: "codes"))
    var status: [String] = []

    @Option(help: ArgumentHelp("Streams, for example os.", valueName: "names"))
    var stream: [String] = []

    @Option(
        help: ArgumentHelp(
            "From this point on: a position, a time, a run (r4711) or now-1h.", valueName: "point"))
    var from: String?

    @Option(help: ArgumentHelp("Up to this point.", valueName: "point"))
    var to: String?

    @Option(help: ArgumentHelp("Not before this time.", valueName: "time"))
    var since: String?

    @Option(help: ArgumentHelp("Before this time.", valueName: "time"))
    var until: String?

    func validate() throws {
        try CommandFailure.whileParsing {
            _ = try plain
            _ = try (from.map { try Point($0) }, to.map { try Point($0) })
            _ = try runPositions
        }
    }

    /// What these options choose.
    struct Choice {
        let filter: EventFilter
        /// For all that is in the log now.
        let search: EventSearch
        let control: ControlState
    }

    /// Looks up what the options name.
    ///
    /// - Throws: exit 2 for what no event can be, exit 1 for a record or a run that isn't there.
    func choice(_ session: Session, _ log: EventLog) throws -> Choice {
        // A stretch of the log can be shown though the log is damaged behind it.
        if let positions = try plainPositions {
            let control = try log.snapshot().control()
            var filter = EventFilter()
            filter.limit(to: positions)
            var now = filter
            now.limit(to: Position(1)...max(control.position, Position(1)))
            return Choice(filter: filter, search: EventSearch(log, now), control: control)
        }
        return try session.readHistory(log) { history in
            let filter = try resolved(history)
            return Choice(
                filter: filter, search: try history.search(filter), control: history.control)
        }
    }

    /// The positions, when nothing else is asked for.
    private var plainPositions: ClosedRange<Position>? {
        get throws {
            let lists = [event, record, run, endpoint, status, stream]
            guard lists.allSatisfy(\.isEmpty), since == nil, until == nil else { return nil }
            let points = try (from.map { try Point($0) }, to.map { try Point($0) })
            var (first, last) = (Position(1), Position(.max))
            if let from = points.0 {
                guard case .position(let position) = from else { return nil }
                first = max(position, first)
            }
            if let to = points.1 {
                guard case .position(let position) = to else { return nil }
                last = position
            }
            return first <= last ? first...last : nil
        }
    }

    /// The filter as far as nothing needs to be looked up.
    private var plain: EventFilter {
        get throws {
            var filter = EventFilter()
            filter.earliest = try since.map { try Point.time($0, option: "--since") }
            filter.before = try until.map { try Point.time($0, option: "--until") }
            if !event.isEmpty { filter.types = try Self.words(event).map(Self.type) }
            if !endpoint.isEmpty { filter.endpoints = try Self.words(endpoint).map(Self.endpoint) }
            if !status.isEmpty { filter.statuses = try Self.words(status).map(Self.status) }
            return filter
        }
    }

    func resolved(_ history: borrowing HistoryReader) throws -> EventFilter {
        var filter = try plain
        let first = try from.map { try Point($0).first(in: history) } ?? Position(1)
        let last = try to.map { try Point($0).last(in: history) } ?? Position(.max)
        if first <= last { filter.limit(to: first...last) } else { filter.types = [] }
        if !stream.isEmpty { filter.streams = try streams(history) }
        if !record.isEmpty { filter.records = try records(history) }
        if !run.isEmpty {
            filter.runs = try runPositions.map { try Point.summary(of: $0, in: history) }
        }
        return filter
    }

    /// What lists with commas name.
    static func words(_ lists: [String]) -> [String] {
        lists.flatMap { $0.split(separator: ",").map(String.init) }
    }

    static func type(_ name: String) throws -> EventType {
        let found = EventType.allCases.first { $0.name.lowercased() == name.lowercased() }
        guard let found else {
            let near = NearestKey.find(name, among: EventType.allCases.map(\.name))
            throw CommandFailure(
                ExitCode.usage, "--event \(name): there is no such kind of event",
                hint: near.map { "did you mean \($0)?" }
                    ?? "there are PageFetched, DetailsFetched, RateLimited, RunCompleted and more: "
                    + "`ossync log stats` lists those of a log")
        }
        return found
    }

    private static func endpoint(_ name: String) throws -> Endpoint {
        guard let found = Endpoint.allCases.first(where: { $0.name == name }) else {
            throw CommandFailure(
                ExitCode.usage, "--endpoint \(name): there is no such endpoint",
                hint: "there are " + Endpoint.allCases.map(\.name).joined(separator: ", "))
        }
        return found
    }

    private static func status(_ text: String) throws -> EventFilter.Status {
        if text == "none" { return .none }
        if text.count == 3, let first = text.first, let hundreds = UInt16(String(first)),
            text.dropFirst().lowercased() == "xx"
        {
            return .hundreds(hundreds)
        }
        guard let code = UInt16(text), (1...999).contains(code) else {
            throw CommandFailure(
                ExitCode.usage, "--status \(text): not a status",
                hint: "give 429, 5xx for 500 to 599, or none for no answer")
        }
        return .code(code)
    }

    private var runPositions: [Position] {
        get throws {
            try Self.words(run).map { name in
                guard let position = Point.run(name) else {
                    throw CommandFailure(
                        ExitCode.usage, "--run \(name): a run is named like r4711",
                        hint: "`ossync runs` lists them")
                }
                return position
            }
        }
    }

    private func streams(_ history: borrowing HistoryReader) throws -> [StreamID] {
        let known = history.control.streams
        return try Self.words(stream).map { name in
            guard let found = known.first(where: { $0.name == name }) else {
                throw CommandFailure(
                    ExitCode.failure, "--stream \(name): the store has no such stream",
                    hint: "it has " + known.map(\.name).joined(separator: ", "))
            }
            return found.id
        }
    }

    /// An id with commas in it is one id, if there is such a record.
    private func records(_ history: borrowing HistoryReader) throws -> [EventFilter.Record] {
        try record.flatMap { text -> [EventFilter.Record] in
            let whole = try Self.records(named: text, history)
            if !whole.isEmpty { return whole }
            return try Self.words([text]).flatMap { id in
                let found = try Self.records(named: id, history)
                guard !found.isEmpty else {
                    throw CommandFailure(ExitCode.failure, "there is no record \(id)")
                }
                return found
            }
        }
    }

    /// A record of that name in each stream that has one.
    private static func records(
        named id: String, _ history: borrowing HistoryReader
    ) throws -> [EventFilter.Record] {
        try history.control.streams.compactMap { stream in
            try history.ordinal(of: RecordID(id), in: stream.id).map {
                EventFilter.Record(stream: stream.id, ordinal: $0)
            }
        }
    }
}
