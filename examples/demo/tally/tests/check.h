/* Checks that report the way the Wine tests do: one line for each that fails,
 * and a summary for each unit. */
#ifndef TALLY_CHECK_H
#define TALLY_CHECK_H

#define ok(condition, ...) check((condition), 0, __LINE__, __VA_ARGS__)
/* Known not to work yet; says so when it suddenly does. */
#define todo_ok(condition, ...) check((condition), 1, __LINE__, __VA_ARGS__)
#define skip(...) skip_tests(__LINE__, __VA_ARGS__)

void check(int good, int todo, int line, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
void skip_tests(int line, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
int run_unit(const char *name, void (*unit)(void));

#endif
