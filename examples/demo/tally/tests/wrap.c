#include "wrap.h"

#include <string.h>

#include "check.h"

static void expect(const char *text, size_t width, const char *wanted)
{
	char out[64];

	tally_wrap(out, sizeof out, text, width);
	ok(strcmp(out, wanted) == 0, "wrap \"%s\" at %d: got \"%s\"", text, (int)width, out);
}

void test_wrap(void)
{
	expect("", 10, "");
	expect("short", 10, "short");
	expect("two words", 5, "two\nwords");
	expect("just fits ok", 9, "just fits\nok");
	expect("  many   spaces  ", 20, "many spaces");
	expect("unbreakable", 4, "unbreakable");
	/* Fails since 1.0, nobody has needed it badly enough. */
	expect("tab\tstop", 20, "tab\tstop");
}
