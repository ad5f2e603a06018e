import RESTSource
import SyncCore

extension Configuration {
    /// What is told to whom.
    struct Alerts: Sendable, Equatable {
        /// With the channels, as decisions need them.
        let rules: AlertRules
        /// In the order in which they were written.
        let channels: [Channel]
        /// Nil: no watchdog expects anything.
        let ping: Ping?
    }

    /// Somebody who is told.
    struct Channel: Sendable, Equatable {
        enum Way: Sendable, Equatable {
            case command([String])
            case webhook(Webhook)
            /// An absolute path.
            case file(String)
        }

        let name: String
        let way: Way
        let timeoutMs: Int64
        /// Tries in a row.
        let attempts: Int
    }

    struct Webhook: Sendable, Equatable {
        let url: Header.Value
        /// Nil: messages aren't signed.
        let secret: SecretReference?
        let headers: [Header]
        let allowPlainHTTP: Bool
    }

    struct Ping: Sendable, Equatable {
        let url: Header.Value
        let failURL: Header.Value?
        let timeoutMs: Int64
        let attempts: Int
        let allowPlainHTTP: Bool
    }
}

extension Configuration.Header.Value {
    /// The value itself.
    ///
    /// - Throws: exit 2 where the secret can't be had.
    func resolve() throws(ConfigurationError) -> String {
        switch self {
        case .text(let text): text
        case .secret(let secret): try secret.resolve().reveal()
        }
    }
}
