#include "trim.h"

#include <string.h>

#include "check.h"

static void expect(const char *text, const char *wanted)
{
	char out[32];
	size_t length = tally_trim(out, sizeof out, text);

	ok(strcmp(out, wanted) == 0, "trim \"%s\": got \"%s\"", text, out);
	ok(length == strlen(wanted), "trim \"%s\": length %d", text, (int)length);
}

void test_trim(void)
{
	char small[4];

	expect("", "");
	expect("plain", "plain");
	expect("  both ends\n", "both ends");
	expect(" \t ", "");
	ok(tally_trim(small, sizeof small, " longer ") == 6, "the wanted length is told");
	ok(strcmp(small, "lon") == 0, "a small buffer: got \"%s\"", small);
	skip("no locale with other white space here");
}
