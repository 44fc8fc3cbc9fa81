#ifndef TALLY_TRIM_H
#define TALLY_TRIM_H

#include <stddef.h>

size_t tally_trim(char *out, size_t size, const char *text);

#endif
