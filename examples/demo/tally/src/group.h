#ifndef TALLY_GROUP_H
#define TALLY_GROUP_H

#include <stddef.h>

size_t tally_group(char *out, size_t size, long n);

#endif
