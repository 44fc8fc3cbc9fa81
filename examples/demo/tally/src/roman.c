/* Numbers as Caesar wrote them. He had no zero, so that is an empty text. */
#include "roman.h"

static const struct {
	unsigned value;
	const char *letters;
} numerals[] = {
	{ 1000, "M" }, { 900, "CM" }, { 500, "D" }, { 400, "CD" },
	{ 100, "C" }, { 90, "XC" }, { 50, "L" }, { 40, "XL" },
	{ 10, "X" }, { 9, "IX" }, { 5, "V" }, { 4, "IV" }, { 1, "I" },
};

size_t tally_roman(char *out, size_t size, unsigned n)
{
	size_t used = 0, i = 0;
	const char *letter;

	while (n > 0) {
		if (n < numerals[i].value) {
			i++;
			continue;
		}
		n -= numerals[i].value;
		for (letter = numerals[i].letters; *letter; letter++, used++)
			if (used + 1 < size)
				out[used] = *letter;
	}
	if (size > 0)
		out[used < size ? used : size - 1] = '\0';
	return used;
}
