// One patch in two versions: the first breaks a test, the second mends it.
import { meilin } from '../people.ts'
import type { Posting } from '../posting.ts'

const raw = String.raw

const groupBefore = raw`	char digits[32], grouped[48];
	int length = snprintf(digits, sizeof digits, "%ld", n);
	int i, used = 0;

	for (i = 0; i < length; i++) {
		int left = length - 1 - i;

		grouped[used++] = digits[i];
		if (digits[i] != '-' && left > 0 && left % 3 == 0)
			grouped[used++] = ',';
	}
	grouped[used] = '\0';
	return snprintf(out, size, "%s", grouped);`

const groupAfter = raw`	char digits[32];
	int length = snprintf(digits, sizeof digits, "%ld", n);
	size_t used = 0;
	int i;

	for (i = 0; i < length; i++) {
		int left = length - 1 - i;

		if (used + 1 < size)
			out[used] = digits[i];
		used++;
		if (CONDITION)
			continue;
		if (used + 1 < size)
			out[used] = ',';
		used++;
	}
	if (size > 0)
		out[used < size ? used : size - 1] = '\0';
	return used;`

export const group: Posting = {
  key: 'group',
  author: meilin,
  sent: '2026-09-14T10:52:19Z',
  base: 'start',
  patches: [
    {
      title: "group: write straight into the caller's buffer",
      body: `There is no need to build the number twice. This makes it 40 % faster,
measured with a stop-watch and great patience.`,
      edits: [
        {
          file: 'src/group.c',
          from: groupBefore,
          to: groupAfter.replace('CONDITION', 'left == 0 || left % 3 != 0'),
        },
      ],
    },
  ],
}

export const group2: Posting = {
  key: 'group-v2',
  author: meilin,
  sent: '2026-09-15T07:58:36Z',
  base: 'start',
  format: ['-v2', '--base=main'],
  inReplyTo: 'group',
  later: true,
  patches: [
    {
      title: "group: write straight into the caller's buffer",
      body: `There is no need to build the number twice. This makes it 40 % faster,
measured with a stop-watch and great patience.`,
      below: `v2: no comma after the minus sign. The bot found it in a minute, I would
have needed the stop-watch again. One more test for it.
`,
      edits: [
        {
          file: 'src/group.c',
          from: groupBefore,
          to: groupAfter.replace('CONDITION', "digits[i] == '-' || left == 0 || left % 3 != 0"),
        },
        {
          file: 'tests/numbers-test.c',
          from: '	ok(tally_group(out, 4, 1000)',
          to: raw`	tally_group(out, sizeof out, -1000000);
	same(out, "-1,000,000", "group -1000000");
	ok(tally_group(out, 4, 1000)`,
        },
      ],
    },
  ],
}
