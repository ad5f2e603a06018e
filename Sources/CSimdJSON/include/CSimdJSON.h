#pragma once
#ifdef __cplusplus
extern "C" {
#endif
/// Bytes that simdjson may read past the end of a document.
unsigned long ossync_simdjson_padding(void);
#ifdef __cplusplus
}
#endif
