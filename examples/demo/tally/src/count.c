/* Counting what is in a text. */
#include "count.h"

#include <string.h>

int tally_is_space(char c)
{
	return c != '\0' && strchr(" \t\n\r\f\v", c) != NULL;
}

size_t tally_count(const char *text, char wanted)
{
	size_t found = 0;

	for (; *text; text++)
		if (*text == wanted)
			found++;
	return found;
}

size_t tally_lines(const char *text)
{
	return tally_count(text, '\n');
}

size_t tally_words(const char *text)
{
	size_t words = 0;
	int inside = 0;

	for (; *text; text++) {
		if (tally_is_space(*text)) {
			inside = 0;
		} else if (!inside) {
			inside = 1;
			words++;
		}
	}
	return words;
}
