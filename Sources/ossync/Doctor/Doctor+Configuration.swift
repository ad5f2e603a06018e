import RESTSource

extension Doctor {
    /// The configuration as a sync would take it; nil where that can't be.
    mutating func configuration() -> Session? {
        do throws(ConfigurationError) {
            return try configured()
        } catch {
            for problem in error.problems { note(problem) }
            return nil
        }
    }

    private mutating func configured() throws(ConfigurationError) -> Session? {
        // What the request says of itself is what the finding says.
        var quiet = options
        quiet.quiet = true
        let session = try Session(quiet)
        let configuration = session.configuration
        guard configuration.api != nil, let stream = configuration.streams.first else {
            do throws(ConfigurationError) {
                _ = try configuration.requireAPI()
                _ = try configuration.stream()
            } catch {
                for problem in error.problems {
                    found(
                        .configurationMissing, "\(problem.place): \(problem.message)",
                        mend: problem.hint, exitCode: ExitCode.usage)
                }
            }
            return nil
        }
        guard isOwn(configuration), secrets(configuration), fits(configuration, stream) else {
            return nil
        }
        fine("configuration", configuration.files.first ?? "defaults and environment only")
        return session
    }

    private mutating func note(_ problem: ConfigurationProblem) {
        found(
            problem.isExposedSecret ? .secretExposed : .configurationWrong,
            "\(problem.place): \(problem.message)", mend: problem.hint, exitCode: ExitCode.usage)
    }

    /// - Returns: whether all of them can be sent.
    private mutating func secrets(_ configuration: Configuration) -> Bool {
        var isComplete = true
        for secret in configuration.api?.secrets ?? [] {
            do throws(ConfigurationError) {
                _ = try secret.resolve()
            } catch {
                isComplete = false
                let isUnset = if case .environment = secret.source { true } else { false }
                for problem in error.problems {
                    let trouble: Trouble =
                        problem.isExposedSecret
                        ? .secretExposed : isUnset ? .secretUnset : .secretUnusable
                    found(
                        trouble, "\(problem.place): \(problem.message)", mend: problem.hint,
                        exitCode: ExitCode.usage)
                }
            }
        }
        return isComplete
    }

    /// Whether somebody has written an address over the example.
    private mutating func isOwn(_ configuration: Configuration) -> Bool {
        guard configuration.api?.baseURL == ConfigurationTemplate.exampleURL else { return true }
        found(
            .configurationExample,
            "\(place(configuration)): api.baseURL is still \(ConfigurationTemplate.exampleURL)",
            mend: "write your API's address there", exitCode: ExitCode.usage)
        return false
    }

    /// Whether requests and tables can be made by it.
    private mutating func fits(
        _ configuration: Configuration, _ stream: Configuration.Stream
    ) -> Bool {
        do {
            let source = try configuration.sourceConfiguration(
                stream, environment: ConfigurationLoader.processEnvironment)
            for problem in source.problems {
                found(
                    .configurationWrong, "\(place(configuration)): \(problem)",
                    exitCode: ExitCode.usage)
            }
            _ = try configuration.mapping(stream)
            if source.hasShortSecret {
                found(
                    .secretShort,
                    "a secret is shorter than 12 characters: it can't be told from other text, and "
                        + "would be stored if the API sent it back",
                    mend: "let the API's operator make a longer one")
            }
            return source.problems.isEmpty
        } catch {
            let failure = CommandFailure(describing: error)
            found(.configurationWrong, failure.line, exitCode: ExitCode.usage)
            return false
        }
    }

    private func place(_ configuration: Configuration) -> String {
        configuration.files.first ?? ConfigurationLoader.fileName
    }
}
