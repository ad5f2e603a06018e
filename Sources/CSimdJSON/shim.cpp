#include "CSimdJSON.h"

#include <simdjson.h>

extern "C" unsigned long ossync_simdjson_padding(void) { return simdjson::SIMDJSON_PADDING; }
