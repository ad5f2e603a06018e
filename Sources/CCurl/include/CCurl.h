#pragma once
#include <stddef.h>
#include <stdint.h>

/// libcurl for one thread: a handle that keeps its connection from request to request.
///
/// The library is loaded by the first session, not at start: it brings some thirty shared objects
/// that a command without network has no use for.
typedef struct ossync_curl_session ossync_curl_session;

/// How a request ended. Everything but OSSYNC_CURL_ANSWERED is without a usable response.
typedef enum ossync_curl_outcome {
    OSSYNC_CURL_ANSWERED = 0,
    OSSYNC_CURL_RESOLVE = 1,
    OSSYNC_CURL_CONNECT = 2,
    OSSYNC_CURL_TLS = 3,
    /// The connection did not come about in time.
    OSSYNC_CURL_CONNECT_TIMEOUT = 4,
    /// Nothing was received for the idle time.
    OSSYNC_CURL_IDLE_TIMEOUT = 5,
    /// The whole took longer than the total time.
    OSSYNC_CURL_TOTAL_TIMEOUT = 6,
    /// libcurl was about to send the request a second time on another connection.
    OSSYNC_CURL_RESEND = 7,
    /// The connection broke before or within the response.
    OSSYNC_CURL_BROKEN = 8,
    /// The body ended before the length that was announced.
    OSSYNC_CURL_PARTIAL = 9,
    OSSYNC_CURL_BODY_TOO_LARGE = 10,
    OSSYNC_CURL_RATIO_TOO_LARGE = 11,
    OSSYNC_CURL_HEADERS_TOO_LARGE = 12,
    /// The content encoding is unknown or damaged.
    OSSYNC_CURL_ENCODING = 13,
    OSSYNC_CURL_CANCELLED = 14,
    /// libcurl refused the request itself (URL, memory).
    OSSYNC_CURL_REFUSED = 15,
} ossync_curl_outcome;

typedef struct ossync_curl_request {
    const char *method;
    const char *url;
    /// Lines of the form `Name: value`.
    const char *const *headers;
    size_t header_count;
    /// What is sent after the head; NULL for nothing.
    const uint8_t *content;
    size_t content_length;
    /// A file of certificate authorities; NULL for those of the system.
    const char *ca_file;
    long connect_ms;
    long idle_ms;
    long total_ms;
    size_t max_body_bytes;
    size_t max_header_bytes;
    /// Decoded bytes allowed for each byte received.
    size_t max_ratio;
} ossync_curl_request;

typedef struct ossync_curl_response {
    ossync_curl_outcome outcome;
    long status;
    /// Whether the request began to be sent: it may have reached the server.
    int sent;
    /// From the first byte sent to the last one received.
    uint64_t latency_us;
    /// Owned by the session, valid until its next request.
    const uint8_t *body;
    size_t body_length;
    /// The header lines of the final response, with their line ends; owned by the session.
    const char *headers;
    size_t header_length;
} ossync_curl_response;

/// A new session, or NULL with a reason in `reason` when libcurl can't be loaded.
ossync_curl_session *ossync_curl_open(char *reason, size_t reason_size);
void ossync_curl_close(ossync_curl_session *session);

/// Sends one request at most once and waits for its end.
ossync_curl_response ossync_curl_perform(
    ossync_curl_session *session, const ossync_curl_request *request);

/// Ends the request in flight and each one after it; safe from any thread until the close.
void ossync_curl_cancel(ossync_curl_session *session);
