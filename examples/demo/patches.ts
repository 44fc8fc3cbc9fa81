// The demo's patches as people wrote them, and what upstream did meanwhile.
import { hyphen, powerOff, privateWrap, realFile, rename, trimNull, underscore } from './patches/broken.ts'
import { docs, human, lastLine, romanLimit, walkOnce } from './patches/good.ts'
import { group, group2 } from './patches/group.ts'
import { latin1, profile, romanLower } from './patches/odd.ts'
import { type Person, petra } from './people.ts'
import type { Patch, Posting } from './posting.ts'

export const upstream: { author: Person; date: string; patch: Patch } = {
  author: petra,
  date: '2026-09-14T20:11:00Z',
  patch: {
    title: 'README: count what is seen',
    body: 'Goes with the commit before.',
    edits: [
      {
        file: 'README.md',
        from: '    make -s all',
        to: 'A line is a line, with or without a newline at its end.\n\n    make -s all',
      },
    ],
  },
}

/** In the order of sending. */
export const postings: Posting[] = [
  lastLine,
  human,
  privateWrap,
  hyphen,
  rename,
  group,
  trimNull,
  underscore,
  powerOff,
  docs,
  romanLimit,
  romanLower,
  realFile,
  profile,
  latin1,
  group2,
  walkOnce,
]
