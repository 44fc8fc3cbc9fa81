// What the bot should make of each mail of the demo, in order of arrival. The tests hold the demo against it.
import type { Disposition } from '../../src/model/mail.ts'
import type { Verdict } from '../../src/model/verdict.ts'

export type Expectation = {
  /** Posting and position, or the letter's name. */
  mail: string
  /** undefined: the mail has none. */
  messageId: string | undefined
  disposition: Disposition['kind']
  /** What is said of its series. undefined: nothing is. */
  finding?: Verdict['finding']['kind']
  /** Test images with new failures. */
  failing?: string[]
  /** What makes it interesting. */
  note: string
  later?: boolean
}

const both = ['debian', 'busybox']

export const expectations: Expectation[] = [
  {
    mail: 'plans',
    messageId: '<20260914075458.GA2101@example.org>',
    disposition: 'not-a-patch',
    note: 'talk; holds a line that starts with From, quoted as mboxrd does',
  },
  {
    mail: 'last-line/1',
    messageId: '<20260914083012.4711-1-rosa.quill@example.com>',
    disposition: 'patch',
    finding: 'all-well',
    note: 'a good single patch, with base-commit',
  },
  {
    mail: 'away',
    messageId: '<vacation-1757838638.91@example.com>',
    disposition: 'automatic',
    note: 'an out-of-office reply; never answered',
  },
  {
    mail: 'human/2',
    messageId: '<20260914090243.4711-3-ines.duarte@example.com>',
    disposition: 'patch',
    finding: 'all-well',
    note: 'a series of three with cover letter; this part comes first',
  },
  {
    mail: 'human/0',
    messageId: '<20260914090243.4711-1-ines.duarte@example.com>',
    disposition: 'cover',
    finding: 'all-well',
    note: 'its cover letter; the reply goes under it',
  },
  {
    mail: 'human/3',
    messageId: '<20260914090243.4711-4-ines.duarte@example.com>',
    disposition: 'patch',
    finding: 'all-well',
    note: 'its third part',
  },
  {
    mail: 'human/1',
    messageId: '<20260914090243.4711-2-ines.duarte@example.com>',
    disposition: 'patch',
    finding: 'all-well',
    note: 'its first part comes last; adds a file that the other two need',
  },
  {
    mail: 'hyphen/1',
    messageId: '<20260914094105.4711-1-tomas@example.com>',
    disposition: 'patch',
    finding: 'does-not-apply',
    note: 'made on a private tree: src/wrap.c looks different',
  },
  {
    mail: 'rename/1',
    messageId: '<20260914101533.4711-1-sam@example.org>',
    disposition: 'patch',
    finding: 'build-broken',
    note: 'renames a function and forgets a caller in src/wrap.c',
  },
  {
    mail: 'doubt',
    messageId: '<8a1d0c5e-3c1b-4c1d-9f3e-77a2c1b5d0aa@example.com>',
    disposition: 'comment',
    note: 'discussion that quotes the diff',
  },
  {
    mail: 'group/1',
    messageId: '<20260914105219.4711-1-meilin.drew@example.org>',
    disposition: 'patch',
    finding: 'new-failures',
    failing: both,
    note: 'breaks one test: a comma after the minus sign',
  },
  {
    mail: 'roundness',
    messageId: '<ZuVb9k4m2q@example.org>',
    disposition: 'comment',
    note: 'a review; does not make the series be tested again',
  },
  {
    mail: 'trim-null/1',
    messageId: '<20260914112047.4711-1-tomas@example.com>',
    disposition: 'patch',
    finding: 'new-failures',
    failing: both,
    note: 'its own new test crashes the program (signal 11)',
  },
  {
    mail: 'underscore/1',
    messageId: '<20260914114802.4711-1-sam@example.org>',
    disposition: 'patch',
    finding: 'new-failures',
    failing: both,
    note: 'numbers-test never ends',
  },
  {
    mail: 'power-off/1',
    messageId: '<20260914120526.4711-1-joerg@example.com>',
    disposition: 'patch',
    finding: 'new-failures',
    failing: both,
    note: 'powers the guest off after strings-test',
  },
  {
    mail: 'docs/1',
    messageId: '<20260914123150.4711-1-ines.duarte@example.com>',
    disposition: 'patch',
    finding: 'nothing-to-test',
    note: 'documents only',
  },
  {
    mail: 'roman-limit/1',
    messageId: '<20260914131008.4711-1-rosa.quill@example.com>',
    disposition: 'patch',
    finding: 'all-well',
    note: 'the patch is an attachment in base64',
  },
  {
    mail: 'no-id',
    messageId: undefined,
    disposition: 'not-a-patch',
    note: 'has no Message-ID',
  },
  {
    mail: 'roman-lower/1',
    messageId: '<f048512f96d53a4e5987ddddee338aaa91d7a58f.1789393471.git.meilin.drew@example.org>',
    disposition: 'patch',
    finding: 'incomplete',
    note: '2/3 never arrives',
  },
  {
    mail: 'roman-lower/3',
    messageId: '<8ebcb1b3a6a64309a335b4be3111e5e89601f06e.1789393471.git.meilin.drew@example.org>',
    disposition: 'patch',
    finding: 'incomplete',
    note: '2/3 never arrives',
  },
  {
    mail: 'real-file/1',
    messageId: '<20260914142015.4711-1-sam@example.org>',
    disposition: 'patch',
    finding: 'new-failures',
    failing: ['busybox'],
    note: 'list tag and list footer; its test needs a file that only Debian has',
  },
  {
    mail: 'profile/1',
    messageId: '<20260914145559.4711-1-tomas@example.com>',
    disposition: 'unsafe',
    finding: 'unsafe',
    note: 'its path leads out of the source folder; its author is told, and nobody else',
  },
  {
    mail: 'latin-1/1',
    messageId: '<20260914151244.4711-1-joerg@example.com>',
    disposition: 'patch',
    finding: 'all-well',
    note: 'says us-ascii and is Latin-1: read as it is',
  },
  {
    mail: 'applied',
    messageId: '<20260914201240.GB2101@example.org>',
    disposition: 'comment',
    note: 'the maintainer has applied last-line; main has moved',
    later: true,
  },
  {
    mail: 'group-v2/1',
    messageId: '<20260915075836.4711-1-meilin.drew@example.org>',
    disposition: 'patch',
    finding: 'all-well',
    note: 'v2, a reply to v1, mends the test; stays on the old base by its base-commit',
    later: true,
  },
  {
    mail: 'walk-once/1',
    messageId: '<20260915082107.4711-1-rosa.quill@example.com>',
    disposition: 'patch',
    finding: 'all-well',
    note: 'its base-commit is where main has moved to; does not apply to the old one',
    later: true,
  },
]
