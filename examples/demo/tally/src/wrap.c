/* Breaking a text into lines of at most `width` columns, where it can be done. */
#include "wrap.h"

#include "count.h"

size_t tally_wrap(char *out, size_t size, const char *text, size_t width)
{
	size_t used = 0, column = 0, word;

	for (;;) {
		while (tally_is_space(*text))
			text++;
		for (word = 0; text[word] && !tally_is_space(text[word]); word++)
			;
		if (word == 0)
			break;
		if (column > 0) {
			char gap = column + 1 + word > width ? '\n' : ' ';

			if (used + 1 < size)
				out[used] = gap;
			used++;
			column = gap == '\n' ? 0 : column + 1;
		}
		for (; word > 0; word--, column++, used++, text++)
			if (used + 1 < size)
				out[used] = *text;
	}
	if (size > 0)
		out[used < size ? used : size - 1] = '\0';
	return used;
}
