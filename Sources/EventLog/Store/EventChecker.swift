internal import Glibc

/// Checks batches of events on threads of its own, and on that of whoever waits for one.
///
/// Used by one thread; its threads end with it.
final class EventChecker {
    private let coder: EventCoder
    private let queue: Queue
    private var threads: [pthread_t] = []

    /// - Parameter workers: threads; without any, all is done by whoever asks.
    init(workers: Int, _ dictionaries: DictionaryShelf?) {
        coder = EventCoder(dictionaries)
        queue = Queue(dictionaries)
        for _ in 0..<workers {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(queue)
            let status = pthread_create(
                &thread, nil,
                { context in
                    guard let context else { return nil }
                    Unmanaged<Queue>.fromOpaque(context).takeRetainedValue().work()
                    return nil
                }, context.toOpaque())
            guard status == 0 else {
                // The others do its part.
                context.release()
                break
            }
            threads.append(thread)
        }
    }

    deinit {
        queue.stop()
        for thread in threads { pthread_join(thread, nil) }
    }

    /// So many batches are worth being read ahead.
    var batchesAhead: Int { 2 * threads.count }

    /// Takes a batch to be checked as soon as a thread is free.
    func begin(_ batch: EventBatch) {
        if !threads.isEmpty { queue.add(batch) }
    }

    /// Comes back when a batch is checked.
    func finish(_ batch: EventBatch) {
        if threads.isEmpty || queue.take(batch) {
            batch.check(by: coder)
        } else {
            queue.wait(for: batch)
        }
    }

    /// Gives up the batches that no one has asked for; none is worked at when it comes back.
    func forget() { queue.empty() }
}

/// Batches that wait for a thread.
private final class Queue: @unchecked Sendable {
    // Guarded by `mutex`, which a condition variable needs in its C form.
    private var waiting: [EventBatch] = []
    private var running = 0
    private var isStopped = false
    private let dictionaries: DictionaryShelf?
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let changed: UnsafeMutablePointer<pthread_cond_t>

    init(_ dictionaries: DictionaryShelf?) {
        self.dictionaries = dictionaries
        mutex = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        pthread_mutex_init(mutex, nil)
        changed = .allocate(capacity: 1)
        changed.initialize(to: pthread_cond_t())
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        changed.deallocate()
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    private func locked<Result>(_ body: () -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body()
    }

    func add(_ batch: EventBatch) {
        locked {
            waiting.append(batch)
            pthread_cond_broadcast(changed)
        }
    }

    /// Takes a batch back; false when a thread has it, or has had it.
    func take(_ batch: EventBatch) -> Bool {
        locked {
            guard batch.stage == .waiting else { return false }
            waiting.removeAll { $0 === batch }
            batch.stage = .finished
            return true
        }
    }

    func wait(for batch: EventBatch) {
        locked { while batch.stage != .finished { pthread_cond_wait(changed, mutex) } }
    }

    func empty() {
        locked {
            waiting.removeAll()
            while running > 0 { pthread_cond_wait(changed, mutex) }
        }
    }

    func stop() {
        locked {
            isStopped = true
            pthread_cond_broadcast(changed)
        }
    }

    /// What each thread does.
    func work() {
        let coder = EventCoder(dictionaries)
        while let batch = next() {
            batch.check(by: coder)
            locked {
                batch.stage = .finished
                running -= 1
                pthread_cond_broadcast(changed)
            }
        }
    }

    private func next() -> EventBatch? {
        locked {
            while waiting.isEmpty, !isStopped { pthread_cond_wait(changed, mutex) }
            guard !isStopped else { return nil }
            let batch = waiting.removeFirst()
            batch.stage = .running
            running += 1
            return batch
        }
    }
}
