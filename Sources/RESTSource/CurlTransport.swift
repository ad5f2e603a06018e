internal import Glibc
internal import Locks

/// Sends HTTP requests on threads of its own, each with one connection that is kept alive.
///
/// A thread is started by the first request that finds all others busy, up to the number given.
final class CurlTransport: Sendable {
    typealias Completion = @Sendable (Result<HTTPResponse, TransportError>) -> Void

    private struct Job: Sendable {
        let request: HTTPRequest
        let completion: Completion
    }

    private struct State {
        var threads: [pthread_t] = []
        var sessions: [CurlSession] = []
        /// Requests that wait or are in flight.
        var pending = 0
        var isShutDown = false
    }

    private let limits: RESTConfiguration.Limits
    private let certificateFile: String?
    private let maximumThreads: Int
    private let queue = WorkQueue<Job>()
    private let state = Mutex(State())

    /// - Parameter threads: how many requests can be in flight at once, at least 1.
    init(limits: RESTConfiguration.Limits, certificateFile: String?, threads: Int) {
        self.limits = limits
        self.certificateFile = certificateFile
        maximumThreads = max(threads, 1)
    }

    /// Calls `completion` once, on a thread of the transport, or on this one after a shutdown.
    func send(_ request: HTTPRequest, completion: @escaping Completion) {
        let isOpen = state.withLock { state in
            guard !state.isShutDown else { return false }
            state.pending += 1
            if state.pending > state.threads.count, state.threads.count < maximumThreads {
                if let thread = startThread() { state.threads.append(thread) }
            }
            return !state.threads.isEmpty
        }
        guard isOpen, queue.push(Job(request: request, completion: completion)) else {
            completion(.failure(TransportError(kind: .cancelled, sent: false)))
            return
        }
    }

    /// Ends what is in flight and waits for the threads; every completion has been called then.
    ///
    /// It must not be called from a completion, which runs on one of those threads.
    func shutdown() {
        let (threads, sessions) = state.withLock { state in
            state.isShutDown = true
            defer { state.threads = [] }
            return (state.threads, state.sessions)
        }
        queue.close()
        for session in sessions { session.cancel() }
        for thread in threads { pthread_join(thread, nil) }
    }

    private func startThread() -> pthread_t? {
        var thread = pthread_t()
        let context = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, nil,
            { context in
                if let context {
                    Unmanaged<CurlTransport>.fromOpaque(context).takeRetainedValue().run()
                }
                return nil
            }, context.toOpaque())
        guard status == 0 else {
            context.release()
            return nil
        }
        return thread
    }

    private func run() {
        let session = Result { () throws(TransportError) in try CurlSession() }
        if case .success(let session) = session {
            let isLate = state.withLock { state in
                state.sessions.append(session)
                return state.isShutDown
            }
            if isLate { session.cancel() }
        }
        while let job = queue.pop() {
            let result: Result<HTTPResponse, TransportError>
            switch session {
            case .success(let session):
                result = Result { () throws(TransportError) in
                    try session.perform(
                        job.request, limits: limits, certificateFile: certificateFile)
                }
            case .failure(let error): result = .failure(error)
            }
            state.withLock { $0.pending -= 1 }
            job.completion(result)
        }
    }
}
