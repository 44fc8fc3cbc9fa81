/* Taking the white space off both ends of a text. */
#include "trim.h"

#include <string.h>

#include "count.h"

size_t tally_trim(char *out, size_t size, const char *text)
{
	size_t length = strlen(text);
	size_t kept;

	while (length > 0 && tally_is_space(text[length - 1]))
		length--;
	while (length > 0 && tally_is_space(*text)) {
		text++;
		length--;
	}
	if (size > 0) {
		kept = length < size ? length : size - 1;
		memcpy(out, text, kept);
		out[kept] = '\0';
	}
	return length;
}
