package import Records
package import SyncCore

/// An HTTP API as a source of records: each `perform` is one GET request.
///
/// Answers are read on the thread that received them. Call `shutdown` before the process ends.
package final class RESTSource: Source {
    private let builder: RequestBuilder
    private let reader: ResponseReader
    private let transport: CurlTransport
    private let onSample: (@Sendable (ListSample) -> Void)?

    /// - Parameters:
    ///   - configuration: one without `problems`.
    ///   - concurrency: how many requests may be in flight at once.
    ///   - onSample: what a health request to the list shows, before its completion is called.
    /// - Throws: `badPointer` when more places are ignored than can be.
    package init(
        _ configuration: RESTConfiguration, concurrency: Int = 1,
        onSample: (@Sendable (ListSample) -> Void)? = nil
    ) throws(RecordsError) {
        builder = RequestBuilder(configuration)
        reader = try ResponseReader(configuration)
        self.onSample = onSample
        transport = CurlTransport(
            limits: configuration.limits, certificateFile: configuration.api.certificateFile,
            threads: concurrency)
    }

    package func perform(
        _ request: SourceRequest, completion: @escaping @Sendable (SourceAnswer) -> Void
    ) {
        guard let wire = builder.request(for: request) else {
            completion(reader.refusal(of: request))
            return
        }
        transport.send(wire) { [reader, onSample] result in
            switch result {
            case .success(let response):
                if let onSample, let sample = reader.sample(request, response) { onSample(sample) }
                completion(reader.answer(to: request, response))
            case .failure(let error): completion(reader.answer(to: request, error))
            }
        }
    }

    /// Cancels what is in flight, calls all completions and ends the threads.
    ///
    /// It must not be called from a completion. A request after it fails with the code `cancelled`.
    package func shutdown() { transport.shutdown() }
}
