#ifndef TALLY_WRAP_H
#define TALLY_WRAP_H

#include <stddef.h>

size_t tally_wrap(char *out, size_t size, const char *text, size_t width);

#endif
