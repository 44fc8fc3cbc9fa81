#include "count.h"

#include "check.h"

void test_count(void)
{
	ok(tally_count("", 'a') == 0, "nothing holds no a");
	ok(tally_count("banana", 'a') == 3, "a banana holds three a");
	ok(tally_lines("") == 0, "nothing has no lines");
	ok(tally_lines("one\n") == 1, "one line");
	ok(tally_lines("one\n\nthree\n") == 3, "an empty line is a line");
	ok(tally_words("") == 0, "nothing has no words");
	ok(tally_words("   ") == 0, "spaces are no words");
	ok(tally_words(" two  words ") == 2, "two words");
	ok(tally_words("a\tb\nc") == 3, "tabs and newlines part words");
	todo_ok(tally_words("no\xc2\xa0" "break") == 2, "a no-break space parts words");
}
