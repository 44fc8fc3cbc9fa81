// Which mails were sent by one run of a program, told by their Message-IDs alone: the best evidence that they are one series.
import type { MessageId } from './mail.ts'

/** `key` is the same for all mails of one run and no others. */
export type SendingRun = { key: string; position: number | undefined }

type Reader = (id: string) => SendingRun | undefined

/** `first` and `last` are groups of the pattern that make the key, `position` the one that counts. */
const reader =
  (pattern: RegExp, key: number[], position?: number): Reader =>
  id => {
    const match = pattern.exec(id)
    if (match === null) return undefined
    const counted = position === undefined ? undefined : match[position]
    return {
      key: key
        .map(group => match[group] ?? '')
        .join('|')
        .toLowerCase(),
      position: counted === undefined ? undefined : Number(counted),
    }
  }

const readers: Reader[] = [
  // git send-email ≥ 2.6: <20210204161158.643-2-me@example.com>; before: <1591083478-5342-2-git-send-email-me@example.com>
  reader(/^(\d{14}\.\d+)-(\d+)-(.+)$/, [1, 3], 2),
  reader(/^(\d{9,10}-\d+)-(\d+)-git-send-email-(.+)$/, [1, 3], 2),
  // git format-patch --thread --cover-letter: <cover.1591087232.git.me@example.com>, <COMMIT.1591087232.git.me@example.com>
  reader(/^(?:cover|[0-9a-f]{40,64})\.(\d{9,10}\.git)\.(.+)$/, [1, 2]),
  // b4: <20230105-some-topic-v2-3-0123456789ab@example.com>
  reader(/^(\d{8}-.+-v\d+)-(\d+)-([0-9a-f]{12,}@.+)$/, [1, 3], 2),
  // hg email: <patchbomb.1480000000@host>, <COMMIT.1480000001@host>: the number goes up; only the thread holds them together
]

/** undefined: sent by something that says nothing in its ids. */
export const sendingRun = (id: MessageId | undefined): SendingRun | undefined => {
  const inside = id?.replace(/^<|>$/g, '') ?? ''
  for (const read of readers) {
    const found = read(inside)
    if (found !== undefined) return found
  }
  return undefined
}
