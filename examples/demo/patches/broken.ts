// Patches that break something: the apply, the build, a test, or the machine.
import { jorg, sam, tomas } from '../people.ts'
import type { Posting } from '../posting.ts'

const raw = String.raw

export const privateWrap: Posting = {
  key: 'private-wrap',
  author: tomas,
  sent: '2026-09-13T20:00:00Z',
  base: 'start',
  lost: [1],
  patches: [
    {
      title: 'wip: names',
      body: 'Not for the list.',
      edits: [
        {
          file: 'src/wrap.c',
          from: raw`		for (word = 0; text[word] && !tally_is_space(text[word]); word++)
			;
		if (word == 0)
			break;`,
          to: raw`		word = 0;
		while (text[word] && !tally_is_space(text[word]))
			word++;
		if (!word)
			break;`,
        },
      ],
    },
  ],
}

export const hyphen: Posting = {
  key: 'hyphen',
  author: tomas,
  sent: '2026-09-14T09:41:05Z',
  base: 'private-wrap',
  patches: [
    {
      title: 'wrap: break after a hyphen, too',
      body: `"state-of-the-art" does not fit into ten columns, but its parts do.`,
      edits: [
        {
          file: 'src/wrap.c',
          from: raw`		while (text[word] && !tally_is_space(text[word]))
			word++;`,
          to: raw`		while (text[word] && !tally_is_space(text[word]))
			if (text[word++] == '-')
				break;`,
        },
      ],
    },
  ],
}

export const rename: Posting = {
  key: 'rename',
  author: sam,
  sent: '2026-09-14T10:15:33Z',
  base: 'start',
  patches: [
    {
      title: 'count: call it tally_is_blank()',
      body: `"Space" is one character, "blank" is all of them. Rename the function
and its callers. No change in behaviour, I did not even have to run it.`,
      edits: [
        { file: 'src/count.h', from: 'int tally_is_space(char c);', to: 'int tally_is_blank(char c);' },
        { file: 'src/count.c', from: 'int tally_is_space(char c)', to: 'int tally_is_blank(char c)' },
        { file: 'src/count.c', from: 'if (tally_is_space(*text))', to: 'if (tally_is_blank(*text))' },
        {
          file: 'src/trim.c',
          from: 'tally_is_space(text[length - 1])',
          to: 'tally_is_blank(text[length - 1])',
        },
        { file: 'src/trim.c', from: 'tally_is_space(*text)', to: 'tally_is_blank(*text)' },
      ],
    },
  ],
}

export const trimNull: Posting = {
  key: 'trim-null',
  author: tomas,
  sent: '2026-09-14T11:20:47Z',
  base: 'start',
  patches: [
    {
      title: 'trim: accept NULL as an empty text',
      body: `Callers that have nothing to trim should not have to say so. From now on
NULL is fine, and a test makes sure that it stays so.`,
      edits: [
        {
          file: 'src/trim.c',
          from: raw`	size_t kept;

`,
          to: raw`	size_t kept;

	if (text == NULL)
		text = "";
`,
        },
        {
          file: 'tests/trim.c',
          from: raw`	skip("no locale`,
          to: raw`	ok(tally_trim(small, sizeof small, NULL) == 0, "NULL is an empty text");
	skip("no locale`,
        },
      ],
    },
  ],
}

export const underscore: Posting = {
  key: 'underscore',
  author: sam,
  sent: '2026-09-14T11:48:02Z',
  base: 'start',
  patches: [
    {
      title: 'parse: skip underscores between digits',
      body: 'Half of all languages write 1_000_000 nowadays. Read that, too.',
      edits: [
        { file: 'src/parse.c', from: '	for (; *text; text++) {', to: '	while (*text) {' },
        {
          file: 'src/parse.c',
          from: raw`		if (*text == ',' && digits > 0)`,
          to: raw`		if ((*text == ',' || *text == '_') && digits > 0)`,
        },
        {
          file: 'src/parse.c',
          from: '		digits++;\n',
          to: '		digits++;\n		text++;\n',
        },
      ],
    },
  ],
}

export const powerOff: Posting = {
  key: 'power-off',
  author: jorg,
  sent: '2026-09-14T12:05:26Z',
  base: 'start',
  patches: [
    {
      title: 'tests: switch off the light when leaving',
      body: `My machine runs these tests over night and then hums till morning. Save
energy: power down when all tests are done.`,
      edits: [
        {
          file: 'tests/strings-test.c',
          from: '#include <string.h>\n',
          to: '#include <string.h>\n#include <sys/reboot.h>\n#include <unistd.h>\n',
        },
        {
          file: 'tests/strings-test.c',
          from: '	return failed > 0;',
          to: raw`	/* Does nothing unless you are root, and then you meant it. Time to read: */
	fflush(stdout);
	sleep(2);
	reboot(RB_POWER_OFF);
	return failed > 0;`,
        },
      ],
    },
  ],
}

export const realFile: Posting = {
  key: 'real-file',
  author: sam,
  sent: '2026-09-14T14:20:15Z',
  base: 'start',
  spoil: 'list-tag',
  patches: [
    {
      title: 'tests: count a real file',
      body: `All our texts are made up. Take one that is there on every machine, as
far as I can see from mine.`,
      edits: [
        {
          file: 'tests/count.c',
          from: '#include "check.h"\n',
          to: '#include <stdio.h>\n\n#include "check.h"\n',
        },
        {
          file: 'tests/count.c',
          from: 'void test_count(void)\n{\n',
          to: raw`static void test_real_file(void)
{
	char text[80] = "";
	FILE *file = fopen("/etc/debian_version", "r");

	ok(file != NULL, "/etc/debian_version is there");
	if (file == NULL)
		return;
	ok(fgets(text, sizeof text, file) && tally_words(text) == 1, "it holds one word");
	fclose(file);
}

void test_count(void)
{
	test_real_file();
`,
        },
      ],
    },
  ],
}
