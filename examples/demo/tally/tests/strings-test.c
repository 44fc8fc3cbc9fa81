/* What is tested with texts: everything, or only the units that are named:
 * strings-test tally:trim tally:wrap */
#include <stdio.h>
#include <string.h>

#include "check.h"

void test_count(void);
void test_trim(void);
void test_wrap(void);

static int is_wanted(char **names, const char *name)
{
	char **named = names;

	while (*named && strcmp(*named, name) != 0)
		named++;
	return *named || !*names;
}

int main(int argc, char **argv)
{
	char **names = argv + (argc > 0);
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (is_wanted(names, "tally:count"))
		failed += run_unit("count", test_count);
	if (is_wanted(names, "tally:trim"))
		failed += run_unit("trim", test_trim);
	if (is_wanted(names, "tally:wrap"))
		failed += run_unit("wrap", test_wrap);
	return failed > 0;
}
