/* Writing a number with its digits in groups of three. */
#include "group.h"

#include <stdio.h>

size_t tally_group(char *out, size_t size, long n)
{
	char digits[32], grouped[48];
	int length = snprintf(digits, sizeof digits, "%ld", n);
	int i, used = 0;

	for (i = 0; i < length; i++) {
		int left = length - 1 - i;

		grouped[used++] = digits[i];
		if (digits[i] != '-' && left > 0 && left % 3 == 0)
			grouped[used++] = ',';
	}
	grouped[used] = '\0';
	return snprintf(out, size, "%s", grouped);
}
