// A link that logs in once, by mail to an address of the configuration. Beside the flow.
import { dayMs, type Instant, type Millis } from '../model/instant.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { oneLine } from '../text/clean.ts'
import { contentId } from '../text/digest.ts'
import { writeLetter } from './command-answer.ts'
import type { Wired } from './wire.ts'

export const linkForMs: Millis = 15 * 60_000

/** To one address: whoever hammers at the page of others fills no mailbox. */
const most: [times: number, within: Millis][] = [
  [3, linkForMs],
  [20, dayMs],
]

const isTooOften = async (
  { store }: Pick<Wired, 'store'>,
  address: string,
  now: Instant,
): Promise<boolean> => {
  for (const [times, within] of most)
    if ((await store.countLoginLinks(address, now - within)) >= times) return true
  return false
}

export type LoginLetter = {
  /** May log in; nobody else is written to. */
  address: string
  /** Digest of what `url` holds. */
  link: string
  url: string
  /** Of the service. */
  name: string
}

/** Keeps the link and queues the mail. false: there were too many for that address. Throws the store's Faults. */
export const sendLoginLink = async (wired: Wired, given: LoginLetter): Promise<boolean> => {
  const { store, queue, clock, log } = wired
  const now = clock.now()
  const { address, link, url, name } = given
  if (await isTooOften(wired, address, now)) return false
  await store.addLoginLink({
    ...{ id: link, address, createdAt: now, expiresAt: now + linkForMs, usedAt: undefined },
  })
  const letter = writeLetter(wired, {
    ...{ id: `l${contentId(23, link)}`, kind: 'login', project: '', series: undefined, under: undefined },
    ...{ to: [{ name: '', address }], subject: `Log in to ${oneLine(name, 60)}`, auto: 'auto-generated' },
    ...{ template: 'login', variables: { name: oneLine(name, 60), url, minutes: linkForMs / 60_000 } },
  })
  await store.addReply(letter)
  await queue
    .push(pushes.reply(letter.id, 0))
    .catch((error: Error) => log('warn', `a login mail waits for the sweep: ${error.message}`))
  return true
}
