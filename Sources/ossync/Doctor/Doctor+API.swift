import EventLog
import LMDB
import RESTSource
import SyncCore
import SyncEngine

extension Doctor {
    // MARK: - Limits

    mutating func limits(_ session: Session, _ control: ControlState) {
        let windows = session.configuration.limitPolicy.windows
        if windows.isEmpty {
            found(
                .limitsNone, "no rate limit is configured: the API is asked without pause",
                mend: "write what its operator states into rateLimits")
        }
        let now = control.bootNs(at: SystemClock().read().wall)
        for window in windows {
            guard let learned = control.limiter.learnedLimit(of: window, now: now) else { continue }
            found(
                .limitsLearned,
                "the API admitted \(learned.requests) in the window \(window.name), and "
                    + "\(window.requests) are configured",
                mend: "see `ossync report rate\(options.storeArguments)`; does somebody else use "
                    + "the key?")
        }
        let others = otherStores(session)
        guard others.isEmpty else {
            found(
                .limitsShared,
                "\(others.joined(separator: ", ")): another store of the same API: under one key "
                    + "they exceed its limits together",
                mend: "keep one store, use two keys, or give each a part of the limits")
            return
        }
        if !windows.isEmpty {
            fine(
                "limits",
                "counted in this store: another one elsewhere with the same API key isn't known "
                    + "to it")
        }
    }

    /// More folders beside a store are no place for stores.
    private static let mostNeighbours = 200

    /// Stores of the same API beside this one, and those that schedules are installed for.
    private func otherStores(_ session: Session) -> [String] {
        guard let own = session.configuration.api?.id else { return [] }
        let path = session.folder.path
        let parent = FileSystem.parent(of: path)
        let beside = (FileSystem.names(in: parent) ?? []).sorted().prefix(Self.mostNeighbours)
            .map { PathText.resolve($0, from: parent) }
        var found: [String] = []
        for other in beside + InstalledSchedules.stores
        where !found.contains(other) && !FileSystem.isSame(other, path) {
            let folder = StoreFolder(other)
            guard folder.exists, !folder.isBackup,
                let log = try? EventLog.open(store: other, .read),
                let control = try? log.snapshot().control(), control.apiIdentity == own
            else { continue }
            found.append(other)
        }
        return found
    }

    // MARK: - One request

    mutating func api(_ session: Session) {
        guard !offline else {
            fine("api", "not asked (--offline)")
            return
        }
        do {
            let check = try HealthCheck(session)
            guard check.exitCode == 0 else {
                let trouble = Self.trouble(check)
                found(
                    trouble, check.text,
                    mend: trouble == .apiWaiting
                        ? "`ossync status\(options.storeArguments)` shows what is waited for" : nil,
                    exitCode: check.exitCode)
                return
            }
            fine("api", check.words.split(separator: "\n").joined(separator: "; "))
            announced(check.headers, session.configuration.limitPolicy.windows)
            skew(check)
            if let sample = check.sample { list(sample, try session.configuration.stream().list) }
        } catch EngineError.locked(let holder) {
            found(
                .storeBusy, "\(holder)", mend: "run doctor again then, or take --offline",
                exitCode: ExitCode.locked)
        } catch {
            let failure = CommandFailure(describing: error)
            found(
                .apiUnasked, failure.message, mend: failure.hint, exitCode: failure.exitCode)
        }
    }

    /// What an answer shows that can be read, but isn't what the configuration says.
    private mutating func list(_ sample: ListSample, _ list: Configuration.List) {
        if sample.distinct < sample.rows {
            found(
                .apiIDs,
                "\(sample.rows) records came with \(sample.distinct) different "
                    + "ids at \(list.id)",
                mend: "set list.id to what names one record alone")
        }
        if let asked = sample.asked, let param = list.paging.sizeParam, sample.rows > asked {
            found(
                .apiSize,
                "\(sample.rows) records came although \(asked) were asked for: is "
                    + "`\(param)` what this API calls it?", mend: "see list.paging.sizeParam")
        }
        if let total = list.total, !sample.totals.isEmpty {
            let places = sample.totals.joined(separator: ", ")
            found(
                .apiTotal,
                "the answer has no number at \(total), where the total should be; there "
                    + "\(sample.totals.count == 1 ? "is one" : "are some") at \(places)",
                mend: sample.totals.count == 1
                    ? "set list.total to it" : "set list.total to that of all records")
        }
    }

    private static func trouble(_ check: HealthCheck) -> Trouble {
        switch check.problem {
        case nil: .apiWaiting
        case .limited: .apiLimited
        case .failed(let answer):
            switch answer.failure {
            case .auth: .apiRefused
            case .unavailable, .server: .apiFailing
            case .redirect: .apiRedirect
            case .notFound: .apiNotFound
            case .client: .apiNotAccepted
            case .unusable, .tooLarge, .idOrder: .apiUnusable
            case .timeout: .apiSilent
            case .network: trouble(network: answer.code)
            }
        }
    }

    private static func trouble(network code: String) -> Trouble {
        switch TransportError.Kind(rawValue: code) {
        case .resolve: .apiUnknownHost
        case .connect, .connectTimeout: .apiUnreachable
        case .tls: .apiUntrusted
        case .totalTimeout, .idleTimeout: .apiSilent
        case .unavailable: .apiLibrary
        default: .apiBroken
        }
    }

    private mutating func announced(_ headers: [Exchange.HeaderField], _ windows: [RateWindow]) {
        for limit in AnnouncedLimit.all(in: headers) {
            let most = limit.admitted(by: windows)
            guard most.map({ $0 > limit.requests }) ?? true else { continue }
            found(
                .limitsAnnounced,
                "the API announces \(limit.requests) requests in "
                    + "\(limit.seconds) s (\(limit.header)), and rateLimits admits "
                    + (most.map(String.init) ?? "any number"),
                mend: "add to rateLimits.windows: { name: announced, requests: "
                    + "\(limit.requests), seconds: \(limit.seconds) }")
        }
    }

    /// By so much two clocks are not apart that somebody keeps in step.
    private static let mostSkewSeconds: Int64 = 60

    private mutating func skew(_ check: HealthCheck) {
        guard let skew = check.skewSeconds, abs(skew) >= Self.mostSkewSeconds else { return }
        found(
            .clockSkew,
            "the API's clock is \(abs(skew)) s \(skew > 0 ? "ahead of" : "behind") ours",
            mend: "if it is this one that is wrong: timedatectl set-ntp true")
    }
}
