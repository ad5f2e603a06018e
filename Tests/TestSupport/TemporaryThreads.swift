import Glibc

/// Several threads that do the same.
package final class TemporaryThreads {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private var threads: [pthread_t] = []

    package init(_ count: Int, _ body: @escaping @Sendable () -> Void) {
        for _ in 0..<count {
            var thread = pthread_t()
            let status = pthread_create(
                &thread, nil,
                { context in
                    guard let context else { return nil }
                    Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
                    return nil
                }, Unmanaged.passRetained(Body(body)).toOpaque())
            precondition(status == 0)
            threads.append(thread)
        }
    }

    package func join() {
        for thread in threads { pthread_join(thread, nil) }
        threads = []
    }
}
