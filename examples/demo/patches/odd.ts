// Patches that arrive incomplete or spoiled.
import { jorg, meilin, tomas } from '../people.ts'
import type { Posting } from '../posting.ts'

const raw = String.raw

export const romanLower: Posting = {
  key: 'roman-lower',
  author: meilin,
  sent: '2026-09-14T13:44:31Z',
  base: 'start',
  format: ['--thread'],
  lost: [2],
  patches: [
    {
      title: 'roman: keep the letters in one place',
      body: 'So that they can be had in lower case in the next patch.',
      edits: [
        {
          file: 'src/roman.c',
          from: '/* Numbers as Caesar wrote them.',
          to: '/* Numbers as Caesar wrote them, on stone.',
        },
      ],
    },
    {
      title: 'roman: lower case',
      body: 'For page numbers of prefaces.',
      edits: [
        {
          file: 'src/roman.h',
          from: 'unsigned n);\n',
          to: 'unsigned n);\nsize_t tally_roman_lower(char *out, size_t size, unsigned n);\n',
        },
        {
          file: 'src/roman.c',
          from: '#include "roman.h"\n',
          to: '#include "roman.h"\n\n#include <ctype.h>\n',
        },
        {
          file: 'src/roman.c',
          from: '	return used;\n}\n',
          to: raw`	return used;
}

size_t tally_roman_lower(char *out, size_t size, unsigned n)
{
	size_t used = tally_roman(out, size, n);

	for (; size > 0 && *out; out++)
		*out = (char)tolower(*out);
	return used;
}
`,
        },
      ],
    },
    {
      title: 'tests: roman in lower case is not skipped any more',
      body: 'Somebody has written it.',
      edits: [
        {
          file: 'tests/numbers-test.c',
          from: '	skip("roman in lower case", "nobody has written it");',
          to: raw`	tally_roman_lower(out, sizeof out, 14);
	same(out, "xiv", "roman in lower case");`,
        },
      ],
    },
  ],
}

export const profile: Posting = {
  key: 'profile',
  author: tomas,
  sent: '2026-09-14T14:55:59Z',
  base: 'start',
  spoil: 'parent-folder',
  patches: [
    {
      title: 'install: put the settings where the shell finds them',
      body: 'Saves everybody a line in the profile.',
      edits: [{ file: 'tally-profile.sh', to: 'export TALLY_COLUMNS=78\n' }],
    },
  ],
}

export const latin1: Posting = {
  key: 'latin-1',
  author: jorg,
  sent: '2026-09-14T15:12:44Z',
  base: 'start',
  spoil: 'latin-1',
  patches: [
    {
      title: 'trim: say what white space is',
      body: 'Größe und Länge are not the same thing. Explain which one is returned.',
      edits: [
        {
          file: 'src/trim.c',
          from: '/* Taking the white space off both ends of a text. */',
          to: '/* Taking the white space off both ends of a text; tells the length that is left. */',
        },
      ],
    },
  ],
}
