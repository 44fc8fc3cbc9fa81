// Patches with nothing wrong in them.
import { ines, rosa } from '../people.ts'
import type { Posting } from '../posting.ts'

const raw = String.raw

export const lastLine: Posting = {
  key: 'last-line',
  author: rosa,
  sent: '2026-09-14T08:30:12Z',
  base: 'start',
  format: ['--base=main'],
  patches: [
    {
      title: 'count: a last line without newline is a line too',
      body: `tally_lines() counts newlines, so that "one" has no line at all.
Whoever sees the text sees one. Count what they see.`,
      edits: [
        {
          file: 'src/count.c',
          from: raw`	return tally_count(text, '\n');`,
          to: raw`	size_t lines = tally_count(text, '\n');
	size_t length = strlen(text);

	/* The last line counts even if nobody pressed Enter. */
	if (length > 0 && text[length - 1] != '\n')
		lines++;
	return lines;`,
        },
        {
          file: 'tests/count.c',
          from: raw`	ok(tally_words("") == 0, "nothing has no words");`,
          to: raw`	ok(tally_lines("one") == 1, "one line without its newline");
	ok(tally_lines("one\ntwo") == 2, "the last line has no newline");
	ok(tally_words("") == 0, "nothing has no words");`,
        },
      ],
    },
  ],
}

export const human: Posting = {
  key: 'human',
  author: ines,
  sent: '2026-09-14T09:02:40Z',
  base: 'start',
  delays: { 0: 31, 1: 58, 2: 4, 3: 40 },
  cover: {
    title: 'Sizes that people can read',
    body: `"2147483648 bytes" makes people count digits. This adds a function that
says "2.0G", as ls -h does, with its tests.

1/3 brings the function, 2/3 the tests, and 3/3 makes it round, which I
first forgot and then found out by means of 2/3. I left it that way, it
is a nice example of what tests are for.`,
  },
  patches: [
    {
      title: 'human: new function for sizes that people read',
      body: `tally_human() writes a number of bytes with at most one decimal and a
letter for the power of 1024.`,
      edits: [
        {
          file: 'src/human.h',
          to: raw`#ifndef TALLY_HUMAN_H
#define TALLY_HUMAN_H

#include <stddef.h>

size_t tally_human(char *out, size_t size, unsigned long bytes);

#endif
`,
        },
        {
          file: 'src/human.c',
          to: raw`/* Sizes that people can read: 1.5K instead of 1536. */
#include "human.h"

#include <stdio.h>

size_t tally_human(char *out, size_t size, unsigned long bytes)
{
	const char *letter = "KMGT";
	unsigned long tenths = bytes * 10;

	if (bytes < 1024)
		return snprintf(out, size, "%lu", bytes);
	for (tenths /= 1024; tenths >= 10240 && letter[1]; letter++)
		tenths /= 1024;
	return snprintf(out, size, "%lu.%lu%c", tenths / 10, tenths % 10, *letter);
}
`,
        },
        { file: 'src/tally.h', from: '#include "group.h"\n', to: '#include "group.h"\n#include "human.h"\n' },
        { file: 'Makefile', from: 'src/group.o src/roman.o', to: 'src/group.o src/human.o src/roman.o' },
      ],
    },
    {
      title: 'tests: try the sizes that people read',
      body: 'Small ones, whole ones, broken ones.',
      edits: [
        {
          file: 'tests/numbers-test.c',
          from: '#include "group.h"\n',
          to: '#include "group.h"\n#include "human.h"\n',
        },
        {
          file: 'tests/numbers-test.c',
          from: 'static void test_roman(void)\n',
          to: raw`static void test_human(void)
{
	char out[32];

	tally_human(out, sizeof out, 1023);
	same(out, "1023", "human 1023");
	tally_human(out, sizeof out, 1536);
	same(out, "1.5K", "human 1536");
	tally_human(out, sizeof out, 2147483648);
	same(out, "2.0G", "human 2147483648");
}

static void test_roman(void)
`,
        },
        { file: 'tests/numbers-test.c', from: '	test_roman();', to: '	test_human();\n	test_roman();' },
      ],
    },
    {
      title: 'human: round to the nearest tenth',
      body: `1126 bytes are 1.0996K. That is 1.1K for everybody but tally_human(),
which cuts and says 1.0K.`,
      edits: [
        {
          file: 'src/human.c',
          from: raw`	for (tenths /= 1024; tenths >= 10240 && letter[1]; letter++)
		tenths /= 1024;`,
          to: raw`	for (tenths = (tenths + 512) / 1024; tenths >= 10240 && letter[1]; letter++)
		tenths = (tenths + 512) / 1024;`,
        },
        {
          file: 'tests/numbers-test.c',
          from: raw`	same(out, "1.5K", "human 1536");`,
          to: raw`	same(out, "1.5K", "human 1536");
	tally_human(out, sizeof out, 1126);
	same(out, "1.1K", "human 1126");`,
        },
      ],
    },
  ],
}

export const docs: Posting = {
  key: 'docs',
  author: ines,
  sent: '2026-09-14T12:31:50Z',
  base: 'start',
  patches: [
    {
      title: 'README: say what is not counted',
      body: 'Asked on the list every other month, so write it down.',
      edits: [
        {
          file: 'README.md',
          from: 'Each function writes',
          to: `Words are what stands between white space. Sheep are not counted, use
your own.

Each function writes`,
        },
        {
          file: 'docs/history.md',
          to: `# History

1.0 counted. 1.1 counted correctly. 1.2 also trims and wraps.
`,
        },
      ],
    },
  ],
}

export const romanLimit: Posting = {
  key: 'roman-limit',
  author: rosa,
  sent: '2026-09-14T13:10:08Z',
  base: 'start',
  format: ['--attach'],
  spoil: 'base64-attachment',
  patches: [
    {
      title: 'roman: refuse what Caesar could not write',
      body: `There is no letter for 5000, and MMMMMMMM is not a number but a noise.
Give an empty text from 4000 on.`,
      edits: [
        {
          file: 'src/roman.c',
          from: '	while (n > 0) {',
          to: raw`	if (n >= 4000)
		n = 0;
	while (n > 0) {`,
        },
        {
          file: 'tests/numbers-test.c',
          from: '	skip("roman in lower case"',
          to: raw`	tally_roman(out, sizeof out, 4000);
	same(out, "", "roman 4000");
	skip("roman in lower case"`,
        },
      ],
    },
  ],
}

export const walkOnce: Posting = {
  key: 'walk-once',
  author: rosa,
  sent: '2026-09-15T08:21:07Z',
  base: 'next',
  format: ['--base=next-main'],
  later: true,
  patches: [
    {
      title: 'count: walk the text once, not twice',
      body: `Now that my last patch is in, make it less lazy: strlen() walks over the
whole text only to look at its end.`,
      edits: [
        {
          file: 'src/count.c',
          from: raw`	size_t lines = tally_count(text, '\n');
	size_t length = strlen(text);

	/* The last line counts even if nobody pressed Enter. */
	if (length > 0 && text[length - 1] != '\n')
		lines++;
	return lines;`,
          to: raw`	size_t lines = 0;
	char last = '\n';

	/* The last line counts even if nobody pressed Enter. */
	for (; *text; last = *text++)
		if (last == '\n')
			lines++;
	return lines;`,
        },
      ],
    },
  ],
}
