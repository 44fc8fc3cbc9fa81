/* What is tested with texts. */
#include <stdio.h>

#include "check.h"

void test_count(void);
void test_trim(void);
void test_wrap(void);

int main(void)
{
	int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	failed += run_unit("count", test_count);
	failed += run_unit("trim", test_trim);
	failed += run_unit("wrap", test_wrap);
	return failed > 0;
}
