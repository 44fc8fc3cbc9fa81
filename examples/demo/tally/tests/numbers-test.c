/* What is tested with numbers: everything, or only the tests that are named:
 * numbers-test 'roman 4' 'parse 42'. Reports by the Test Anything Protocol. */
#include <stdio.h>
#include <string.h>

#include "group.h"
#include "parse.h"
#include "roman.h"

static char **names;
static int count, failed;

static int is_wanted(const char *what)
{
	char **named = names;

	while (*named && strcmp(*named, what) != 0)
		named++;
	return *named || !*names;
}

static void ok(int good, const char *what)
{
	if (!is_wanted(what))
		return;
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++count, what);
	failed += !good;
}

static void same(const char *got, const char *wanted, const char *what)
{
	int good = strcmp(got, wanted) == 0;

	ok(good, what);
	if (!good && is_wanted(what))
		printf("  ---\n  wanted: '%s'\n  got: '%s'\n  ...\n", wanted, got);
}

static void skip(const char *what, const char *why)
{
	if (is_wanted(what))
		printf("ok %d - %s # SKIP %s\n", ++count, what, why);
}

static void test_group(void)
{
	char out[32];

	tally_group(out, sizeof out, 0);
	same(out, "0", "group 0");
	tally_group(out, sizeof out, 999);
	same(out, "999", "group 999");
	tally_group(out, sizeof out, 1000);
	same(out, "1,000", "group 1000");
	tally_group(out, sizeof out, 1234567);
	same(out, "1,234,567", "group 1234567");
	tally_group(out, sizeof out, -123456);
	same(out, "-123,456", "group -123456");
	ok(tally_group(out, 4, 1000) == 5 && strcmp(out, "1,0") == 0, "group into a small buffer");
}

static void test_roman(void)
{
	char out[32];

	tally_roman(out, sizeof out, 4);
	same(out, "IV", "roman 4");
	tally_roman(out, sizeof out, 1999);
	same(out, "MCMXCIX", "roman 1999");
	tally_roman(out, sizeof out, 0);
	same(out, "", "roman 0");
	skip("roman in lower case", "nobody has written it");
}

static void test_parse(void)
{
	long n = 0;

	ok(tally_parse("42", &n) && n == 42, "parse 42");
	ok(tally_parse("-7", &n) && n == -7, "parse -7");
	ok(tally_parse("1,234,567", &n) && n == 1234567, "parse 1,234,567");
	ok(!tally_parse("", &n), "parse nothing");
	ok(!tally_parse("4x", &n), "parse 4x");
	/* Fails since 1.0: it wraps around without a word. */
	ok(!tally_parse("99999999999999999999", &n), "parse a number that is too big");
}

int main(int argc, char **argv)
{
	names = argv + (argc > 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	puts("TAP version 14");
	test_group();
	test_roman();
	test_parse();
	printf("1..%d\n", count);
	return failed > 0;
}
