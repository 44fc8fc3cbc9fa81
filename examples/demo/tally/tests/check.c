#include "check.h"

#include <stdarg.h>
#include <stdio.h>

static struct {
	const char *name;
	unsigned id;
	int executed, todo, failed, skipped;
} now = { .id = 0x1c };

static void say(int line, const char *what, const char *format, va_list list)
{
	printf("%s.c:%d: %s", now.name, line, what);
	vprintf(format, list);
	putchar('\n');
}

void check(int good, int todo, int line, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	now.executed++;
	if (todo && good) {
		now.failed++;
		say(line, "Test succeeded inside todo block: ", format, list);
	} else if (todo) {
		now.todo++;
		say(line, "Test marked todo: ", format, list);
	} else if (!good) {
		now.failed++;
		say(line, "Test failed: ", format, list);
	}
	va_end(list);
}

void skip_tests(int line, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	now.skipped++;
	say(line, "Tests skipped: ", format, list);
	va_end(list);
}

/* Returns how many checks failed. */
int run_unit(const char *name, void (*unit)(void))
{
	now.name = name;
	now.id += 4;
	now.executed = now.todo = now.failed = now.skipped = 0;
	printf("tally:%s start tests/%s.c -\n", name, name);
	unit();
	printf("%04x:%s: %d tests executed (%d marked as todo, %d %s), %d skipped.\n",
	       now.id, name, now.executed, now.todo, now.failed,
	       now.failed == 1 ? "failure" : "failures", now.skipped);
	printf("tally:%s:%04x done (%d) in 0s\n", name, now.id, now.failed);
	return now.failed;
}
