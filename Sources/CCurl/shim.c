#include "CCurl.h"

#include <curl/curl.h>

const char *ossync_curl_version(void) { return curl_version_info(CURLVERSION_NOW)->version; }
