import ArgumentParser
import Projections

extension CompletionKind {
    /// The projections that the configuration in this folder has.
    static var projections: CompletionKind {
        .custom { _, _, _ in
            let streams = (try? ConfigurationLoader().load())?.streams.map(\.name) ?? []
            return streams + [HistoryProjection.name]
        }
    }
}
