#pragma once
/// The version of libcurl that is loaded, for example "7.88.1".
const char *ossync_curl_version(void);
