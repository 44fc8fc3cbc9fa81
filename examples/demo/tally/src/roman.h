#ifndef TALLY_ROMAN_H
#define TALLY_ROMAN_H

#include <stddef.h>

size_t tally_roman(char *out, size_t size, unsigned n);

#endif
