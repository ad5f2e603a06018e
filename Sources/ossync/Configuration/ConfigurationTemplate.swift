/// The commented `ossync.yaml` that `ossync init` writes.
enum ConfigurationTemplate {
    /// The name under which the JSON Schema is written beside the configuration.
    static let schemaFileName = "ossync.schema.json"

    /// The API's address in it, which is nobody's.
    static let exampleURL = "https://erp.example.com/api"

    /// The generic configuration; editors find the JSON Schema at `schema`, a path or URL.
    ///
    /// - Parameters:
    ///   - store: the folder of the store, if it isn't the usual one.
    ///   - values: what is known of the API already.
    static func generic(
        schema: String = "./" + schemaFileName, store: String? = nil,
        values: StarterValues = StarterValues()
    ) -> String {
        var text = body
        if let store {
            text = text.replacing(
                "store: ./ossync-store", with: "store: \(JSONText.string(store).line)")
        }
        return "# yaml-language-server: $schema=\(schema)\n" + values.written(into: text)
    }

    private static let body = """
        # The configuration of ossync. `ossync config show --origin` prints every value in force and
        # where it came from; `ossync doctor` says what is wrong. Precedence: flags, OSSYNC_*
        # variables, this file, the user's own ossync.yaml, defaults.

        # The folder of the store, relative to this file.                      env OSSYNC_STORE
        store: ./ossync-store

        # The limits of the API, as its operator states them. Every request counts against them:
        # lists, details, health checks, also across restarts. ossync never goes faster than this.
        rateLimits:
          requestsPerMinute: 20         # in any 60 seconds; null: no such limit
          requestsPerHour: 600          # in any 3,600 seconds; null: no such limit
          windows: []                   # further ones: [{ name: burst, requests: 5, seconds: 2 }]
          backoffMultiplier: 2          # each further 429 in a row waits this much longer
          cooldownMs: 60000             # the wait after a 429 that names none
          # deliveryBoundMs: 10000      # how long an unanswered request may still be on its way

        api:
          # Every path below is appended to this.                            env OSSYNC_BASE_URL
          baseURL: \(exampleURL)

          # The identity that a store is bound to; the base URL if absent.
          # id: erp-production

          # Credentials: { env: NAME }, { file: PATH }, or the text itself, which needs chmod 600.
          #   { type: none }
          #   { type: apiKey, header: X-Api-Key, key: { file: ./api.key } }
          #   { type: basic, user: integration, password: { env: OSSYNC_PASSWORD } }
          auth: { type: bearer, token: { env: OSSYNC_TOKEN } }

          # headers:                    # further headers of every request
          #   Accept-Language: pt-BR
          #   secret-access-token: { env: OSSYNC_SECRET_TOKEN }

          # timeouts: { connectMs: 10000, idleMs: 30000, totalMs: 120000 }
          # maxBodyBytes: 33554432      # the largest answer that is accepted
          # allowPlainHTTP: false       # http:// to another host: credentials travel in the open
          # userAgent: my-company-sync
          # health: { path: /ping }     # what `ossync health` asks for

        streams:
          os:                           # ordens de serviço: service orders
            list:
              path: /os

              # How the list is walked:
              #   { type: offset, offsetParam: offset, sizeParam: limit, size: 100 }
              #   { type: idAfter, param: id_gt, sizeParam: per_page, size: 1000 }
              paging: { type: page, pageParam: page, sizeParam: per_page, size: 1000, first: 1 }

              # JSON Pointers: where the records are in an answer ("" is the whole body), and
              # where the identity is in a record.
              records: /data
              id: /id
              total: /total             # the number of all records; leave out if there is none
              order: ascending          # ascending | descending | unknown

              # How an incremental run asks for what is new. `none` walks the whole list and tells
              # by fingerprints what changed.
              incremental: { type: idAfter, param: id_gt }
              # idOrder: numeric        # numeric | lexicographic | none; else by the first page
              # ignore: [/viewed_at]    # changes of these don't count

            # How details are asked for; leave it out for a stream that is only a list.
            detail:
              path: /os/details?ids={ids}       # one record a call: /os/{id}, with batch size 1
              batch: { size: 5, join: "," }     # under a limit, more ids a call is what saves time
              records: /data
              id: /id
              concurrency: 5
              # single: false           # true: an answer is one object instead of an array
              # ignore: []

            # Columns of the table `os`. A pointer is resolved in the detail, or in the header where
            # the detail is absent or lacks it; `from: header` or `from: detail` fixes it. The
            # segment * means every element.
            # Types: text, integer, decimal, boolean, date, timestamp, json.
            columns:
              customer: { pointer: /customer/name }
              expense_total: { sum: /expenses/*/amount, type: decimal }
              # expense_count: { count: /expenses/* }
              # opened_at: { pointer: /opened_at, type: timestamp }

            # Failures other than 429 and authentication; a record that fails `attempts` times is
            # parked, and `ossync queue retry` brings it back.
            retry: { attempts: 5, baseMs: 1000, multiplier: 2, maxMs: 60000 }

        # When syncs are run unattended: `ossync schedule print` shows what systemd or cron would
        # be given, `ossync schedule install` gives it.
        schedules:
          # quarter: { every: 15m, jitter: 30s, maxDuration: 14m }
          # night:
          #   cron: "30 2 * * *"        # minute hour day-of-month month day-of-week
          #   timeZone: UTC             # of cron: America/Sao_Paulo, Europe/Lisbon ...
          #   mode: full
          #   overlap: queue            # skip | queue: when another run is under way
          #   catchUp: true             # a run that was missed is made good
          #   patience: 4h              # the longest wait in a run

        # What is told to whom when syncs go wrong: `ossync alerts test` tries the channels, and
        # `ossync alerts check`, from cron, notices what comes to pass between runs.
        alerts:
          # remindEvery: 1d             # while an alert stands; 0s: never
          # rules:
          #   failed: true              # the last run failed
          #   partial: true             # ... was completed in part
          #   parkedFor: 1d             # there have been parked records for so long
          #   noSuccessFor: 6h          # no run was completed for so long
          #   rateLimitedPercent: 5     # of the last run's requests were refused with 429
          #   expensesMovedPercent: 20  # the sum of expense_total, from run to run
          # channels:
          #   pager: { command: [/usr/local/bin/page, "{text}"], timeout: 10s, attempts: 3 }
          #   ops:
          #     webhook:
          #       url: https://hooks.example.com/ossync
          #       secret: { env: OSSYNC_HOOK_SECRET }
          #       headers: { X-Team: billing }
          #       allowPlainHTTP: false
          #     on: [failed, noSuccess]
          #     recovery: false         # is not told when an alert is over
          #   journal: { file: ./alerts.jsonl }
          # ping:                       # a watchdog that notices when none comes
          #   url: https://watch.example.com/ossync
          #   failURL: https://watch.example.com/ossync/fail

        # What `ossync report expenses` adds up, and by which day: columns of the first stream.
        report:
          amount: expense_total
          # date: opened_at             # a date or timestamp; for --by day, week and month

        # What a sync says on stderr and in the store's logs/combined.log: words, or with
        # `format: json` a JSON object a line. The file is begun anew at maxBytes, and so many
        # older ones are kept.                                               env OSSYNC_LOG_FORMAT
        log: { format: human, maxBytes: 10485760, keep: 5 }

        # Each sync writes its metrics to this file at its end, for the textfile collector of
        # Prometheus' node_exporter.                                   env OSSYNC_METRICS_TEXTFILE
        metrics:
          # textfile: /var/lib/prometheus/node-exporter/ossync.prom

        """
}
