#include "CCurl.h"

#include "loader.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/// libcurl reads this much at once: a decoder can be that far ahead of the count of bytes received.
#define READ_BUFFER_BYTES 16384
/// A larger body buffer is given back after its request, so that one large answer costs no memory
/// for ever.
#define KEPT_BODY_BYTES (4u << 20)

struct ossync_curl_session {
    const ossync_curl_functions *curl;
    CURL *easy;
    CURLM *multi;
    atomic_int cancelled;

    // The request in flight.
    const ossync_curl_request *request;
    int sendings;
    ossync_curl_outcome aborted;
    int64_t last_progress_ms;
    size_t header_bytes;

    uint8_t *body;
    size_t body_length, body_capacity;
    char *headers;
    size_t header_length, header_capacity;
};

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/// Makes room for `more` bytes; 0 when there is no memory.
static int reserve(void **buffer, size_t *capacity, size_t length, size_t more) {
    if (length + more <= *capacity) return 1;
    size_t wanted = *capacity ? *capacity * 2 : 65536;
    while (wanted < length + more) wanted *= 2;
    void *larger = realloc(*buffer, wanted);
    if (larger == NULL) return 0;
    *buffer = larger;
    *capacity = wanted;
    return 1;
}

static size_t on_header(char *data, size_t size, size_t count, void *context) {
    ossync_curl_session *session = context;
    size_t length = size * count;
    session->last_progress_ms = now_ms();
    session->header_bytes += length;
    if (session->header_bytes > session->request->max_header_bytes) {
        session->aborted = OSSYNC_CURL_HEADERS_TOO_LARGE;
        return 0;
    }
    // A status line begins a response; those before it were interim (100, a proxy's).
    if (length >= 5 && memcmp(data, "HTTP/", 5) == 0) session->header_length = 0;
    if (!reserve((void **)&session->headers, &session->header_capacity, session->header_length,
                 length)) {
        session->aborted = OSSYNC_CURL_HEADERS_TOO_LARGE;
        return 0;
    }
    memcpy(session->headers + session->header_length, data, length);
    session->header_length += length;
    return length;
}

static size_t on_body(char *data, size_t size, size_t count, void *context) {
    ossync_curl_session *session = context;
    size_t length = size * count;
    size_t total = session->body_length + length;
    session->last_progress_ms = now_ms();
    if (length > session->request->max_body_bytes || total > session->request->max_body_bytes) {
        session->aborted = OSSYNC_CURL_BODY_TOO_LARGE;
        return 0;
    }
    curl_off_t received = 0;
    session->curl->easy_getinfo(session->easy, CURLINFO_SIZE_DOWNLOAD_T, &received);
    size_t allowed = session->request->max_ratio * ((size_t)received + READ_BUFFER_BYTES);
    if (total > allowed) {
        session->aborted = OSSYNC_CURL_RATIO_TOO_LARGE;
        return 0;
    }
    if (!reserve((void **)&session->body, &session->body_capacity, session->body_length, length)) {
        session->aborted = OSSYNC_CURL_BODY_TOO_LARGE;
        return 0;
    }
    memcpy(session->body + session->body_length, data, length);
    session->body_length = total;
    return length;
}

/// Called each time that a connection stands and the request is about to be sent on it. The second
/// time would be a second arrival at the server for one intent.
static int on_sending(void *context, char *ip, char *local_ip, int port, int local_port) {
    (void)ip, (void)local_ip, (void)port, (void)local_port;
    ossync_curl_session *session = context;
    if (session->sendings > 0) {
        session->aborted = OSSYNC_CURL_RESEND;
        return CURL_PREREQFUNC_ABORT;
    }
    session->sendings += 1;
    session->last_progress_ms = now_ms();
    return CURL_PREREQFUNC_OK;
}

ossync_curl_session *ossync_curl_open(char *reason, size_t reason_size) {
    const char *why = "";
    const ossync_curl_functions *curl = ossync_curl_load(&why);
    ossync_curl_session *session = curl ? calloc(1, sizeof *session) : NULL;
    if (session == NULL) {
        snprintf(reason, reason_size, "%s", curl ? "no memory" : why);
        return NULL;
    }
    session->curl = curl;
    session->easy = curl->easy_init();
    session->multi = curl->multi_init();
    if (session->easy == NULL || session->multi == NULL) {
        snprintf(reason, reason_size, "libcurl has no memory");
        ossync_curl_close(session);
        return NULL;
    }
    return session;
}

void ossync_curl_close(ossync_curl_session *session) {
    if (session->easy) session->curl->easy_cleanup(session->easy);
    if (session->multi) session->curl->multi_cleanup(session->multi);
    free(session->body);
    free(session->headers);
    free(session);
}

void ossync_curl_cancel(ossync_curl_session *session) {
    atomic_store(&session->cancelled, 1);
    session->curl->multi_wakeup(session->multi);
}

/// Sets what a request needs; 0 when libcurl refuses one of the options that protect.
static int configure(ossync_curl_session *session, struct curl_slist *headers) {
    const ossync_curl_request *request = session->request;
    CURL *easy = session->easy;
    CURLcode (*set)(CURL *, CURLoption, ...) = session->curl->easy_setopt;
    int failures = 0;
    failures += set(easy, CURLOPT_URL, request->url) != CURLE_OK;
    failures += set(easy, CURLOPT_CUSTOMREQUEST, request->method) != CURLE_OK;
    failures += set(easy, CURLOPT_HTTPHEADER, headers) != CURLE_OK;
    if (request->content) {
        curl_off_t length = (curl_off_t)request->content_length;
        failures += set(easy, CURLOPT_POSTFIELDSIZE_LARGE, length) != CURLE_OK;
        failures += set(easy, CURLOPT_POSTFIELDS, (const char *)request->content) != CURLE_OK;
    }
    failures += set(easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK;
    failures += set(easy, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK;
    failures += set(easy, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK;
    failures += set(easy, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
    failures += set(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED) != CURLE_OK;
    failures += set(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    failures += set(easy, CURLOPT_PREREQFUNCTION, on_sending) != CURLE_OK;
    failures += set(easy, CURLOPT_PREREQDATA, session) != CURLE_OK;
    failures += set(easy, CURLOPT_HEADERFUNCTION, on_header) != CURLE_OK;
    failures += set(easy, CURLOPT_HEADERDATA, session) != CURLE_OK;
    failures += set(easy, CURLOPT_WRITEFUNCTION, on_body) != CURLE_OK;
    failures += set(easy, CURLOPT_WRITEDATA, session) != CURLE_OK;
    failures += set(easy, CURLOPT_CONNECTTIMEOUT_MS, request->connect_ms) != CURLE_OK;
    // One version of the protocol, so that "sent once" is decided in one place.
    failures += set(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) != CURLE_OK;
    // What was percent-encoded on purpose must arrive as it was written.
    failures += set(easy, CURLOPT_PATH_AS_IS, 1L) != CURLE_OK;
    if (request->ca_file) failures += set(easy, CURLOPT_CAINFO, request->ca_file) != CURLE_OK;
    set(easy, CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
    // Refused (7.88) where a name that was not found has left the old buffer in place.
    set(easy, CURLOPT_BUFFERSIZE, (long)READ_BUFFER_BYTES);
    // A name that is still being resolved must not hold up a shutdown.
    set(easy, CURLOPT_QUICK_EXIT, 1L);
    return failures == 0;
}

static ossync_curl_outcome outcome_of(const ossync_curl_session *session, CURLcode code) {
    if (session->aborted != OSSYNC_CURL_ANSWERED) return session->aborted;
    switch (code) {
    case CURLE_OK: return OSSYNC_CURL_ANSWERED;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY: return OSSYNC_CURL_RESOLVE;
    case CURLE_COULDNT_CONNECT: return OSSYNC_CURL_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_PEER_FAILED_VERIFICATION: return OSSYNC_CURL_TLS;
    case CURLE_OPERATION_TIMEDOUT:
        return session->sendings ? OSSYNC_CURL_TOTAL_TIMEOUT : OSSYNC_CURL_CONNECT_TIMEOUT;
    case CURLE_UNSUPPORTED_PROTOCOL:
        // Also what libcurl calls an answer that is not HTTP.
        return session->sendings ? OSSYNC_CURL_BROKEN : OSSYNC_CURL_REFUSED;
    case CURLE_PARTIAL_FILE: return OSSYNC_CURL_PARTIAL;
    case CURLE_BAD_CONTENT_ENCODING: return OSSYNC_CURL_ENCODING;
    case CURLE_URL_MALFORMAT:
    case CURLE_OUT_OF_MEMORY:
    case CURLE_BAD_FUNCTION_ARGUMENT: return OSSYNC_CURL_REFUSED;
    default: return session->sendings ? OSSYNC_CURL_BROKEN : OSSYNC_CURL_CONNECT;
    }
}

/// The time until the next deadline, 0 or less when one has passed (then `aborted` says which).
static int64_t remaining_ms(ossync_curl_session *session, int64_t began) {
    int64_t now = now_ms();
    int64_t total = began + session->request->total_ms - now;
    int64_t idle = session->last_progress_ms + session->request->idle_ms - now;
    // Until the request leaves, libcurl's own deadline for the connection holds.
    if (session->sendings == 0) idle = total;
    if (atomic_load(&session->cancelled)) {
        session->aborted = OSSYNC_CURL_CANCELLED;
        return 0;
    }
    if (total <= 0) session->aborted = OSSYNC_CURL_TOTAL_TIMEOUT;
    else if (idle <= 0) session->aborted = OSSYNC_CURL_IDLE_TIMEOUT;
    return total < idle ? total : idle;
}

static CURLcode transfer(ossync_curl_session *session) {
    const ossync_curl_functions *curl = session->curl;
    int64_t began = now_ms();
    session->last_progress_ms = began;
    if (curl->multi_add_handle(session->multi, session->easy) != CURLM_OK) {
        return CURLE_OUT_OF_MEMORY;
    }
    CURLcode result = CURLE_OK;
    int done = 0;
    while (!done) {
        int running = 0, left = 0;
        if (curl->multi_perform(session->multi, &running) != CURLM_OK) {
            result = CURLE_OUT_OF_MEMORY;
            break;
        }
        for (CURLMsg *message; (message = curl->multi_info_read(session->multi, &left));) {
            if (message->msg != CURLMSG_DONE) continue;
            result = message->data.result;
            done = 1;
        }
        if (done) break;
        int64_t wait = remaining_ms(session, began);
        if (wait <= 0) break;
        curl->multi_poll(session->multi, NULL, 0, wait < 60000 ? (int)wait : 60000, NULL);
    }
    curl->multi_remove_handle(session->multi, session->easy);
    return result;
}

ossync_curl_response ossync_curl_perform(
    ossync_curl_session *session, const ossync_curl_request *request) {
    const ossync_curl_functions *curl = session->curl;
    ossync_curl_response response = {0};
    session->request = request;
    session->sendings = 0;
    session->aborted = OSSYNC_CURL_ANSWERED;
    session->header_bytes = session->header_length = session->body_length = 0;
    if (session->body_capacity > KEPT_BODY_BYTES) {
        free(session->body);
        session->body = NULL;
        session->body_capacity = 0;
    }

    struct curl_slist *headers = NULL;
    int complete = 1;
    for (size_t index = 0; index < request->header_count && complete; index++) {
        struct curl_slist *longer = curl->slist_append(headers, request->headers[index]);
        if (longer == NULL) complete = 0;
        else headers = longer;
    }
    curl->easy_reset(session->easy);
    if (complete && configure(session, headers)) {
        response.outcome = outcome_of(session, transfer(session));
        curl_off_t total = 0, before = 0;
        curl->easy_getinfo(session->easy, CURLINFO_RESPONSE_CODE, &response.status);
        curl->easy_getinfo(session->easy, CURLINFO_TOTAL_TIME_T, &total);
        curl->easy_getinfo(session->easy, CURLINFO_PRETRANSFER_TIME_T, &before);
        response.latency_us = session->sendings && total > before ? (uint64_t)(total - before) : 0;
    } else {
        response.outcome = OSSYNC_CURL_REFUSED;
    }
    curl->slist_free_all(headers);
    response.sent = session->sendings > 0;
    response.body = session->body;
    response.body_length = session->body_length;
    response.headers = session->headers;
    response.header_length = session->header_length;
    session->request = NULL;
    return response;
}
