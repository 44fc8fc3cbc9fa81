#ifndef TALLY_COUNT_H
#define TALLY_COUNT_H

#include <stddef.h>

int tally_is_space(char c);
size_t tally_count(const char *text, char wanted);
size_t tally_lines(const char *text);
size_t tally_words(const char *text);

#endif
