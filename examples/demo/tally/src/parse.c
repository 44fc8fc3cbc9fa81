/* Reading a number back, commas and all. */
#include "parse.h"

int tally_parse(const char *text, long *n)
{
	unsigned long value = 0;
	int negative = *text == '-';
	int digits = 0;

	if (negative)
		text++;
	for (; *text; text++) {
		if (*text == ',' && digits > 0)
			continue;
		if (*text < '0' || *text > '9')
			return 0;
		value = value * 10 + (unsigned long)(*text - '0');
		digits++;
	}
	*n = (long)(negative ? 0 - value : value);
	return digits > 0;
}
