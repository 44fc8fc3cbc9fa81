// How a value becomes something that a database can search for or compare.
import { Fault } from '../../model/fault.ts'
import type { TaskState } from '../../model/job.ts'
import type { Address } from '../../model/mail.ts'
import type { ReplyState } from '../../model/reply.ts'
import { sha256 } from '../../text/digest.ts'

/** A text from a mail as a searchable key. PostgreSQL takes no NUL and no index entry above 2,700 bytes, and neither takes
 *  lone surrogates: a hostile Message-ID must not stop the storing of mails. */
export const searchKey = (text: string): string => {
  const clean = text.toWellFormed().replaceAll('\0', '\uFFFD')
  return clean.length <= 400 ? clean : `sha256:${sha256(clean)}`
}

/** An author, as series are searched by: both without case. No name is no key. */
export const authorKeysOf = ({
  name,
  address,
}: Address): { author_address: string; author_name: string | null } => ({
  author_address: searchKey(address.toLowerCase()),
  author_name: name === '' ? null : searchKey(name.toLowerCase()),
})

/** What compare-and-set compares of a task's state: at, attempt and run. */
export const taskKey = (state: TaskState): string => {
  if (state.at === 'cancelled') return 'cancelled'
  if (state.at === 'done') return `done ${state.attempts}`
  return state.at === 'queued' ? `queued ${state.attempt}` : `running ${state.attempt} ${state.run}`
}

/** What compare-and-set compares of a reply's state: at and tries. */
export const replyKey = (state: ReplyState): string =>
  'tries' in state ? `${state.at} ${state.tries}` : state.at

/** A value back from its JSON column. Throws Fault damaged if it is none. */
export const fromJson = <T>(text: string, what: string): T => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new Fault('damaged', 'never', `database: what is stored of ${what} cannot be read`, {
      cause,
      remedy: 'restore the database from a backup',
    })
  }
}

/** So many rows go into one statement: both databases limit the number of parameters. */
export const inChunks = <T>(values: T[], size = 400): T[][] =>
  Array.from({ length: Math.ceil(values.length / size) }, (_, i) => values.slice(i * size, (i + 1) * size))
