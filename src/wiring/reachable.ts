// Whom one may write to about a mail: stages/reply/reach.ts, with what it needs to know of the mail, its signatures and the store.
import { isSilenced } from '../model/address.ts'
import { Fault } from '../model/fault.ts'
import type { Mail } from '../model/mail.ts'
import type { Series, SeriesId } from '../model/series.ts'
import { answered } from '../stages/reply/envelope.ts'
import { type Reachable, reach } from '../stages/reply/reach.ts'
import type { Wired } from './wire.ts'

const proofOf =
  ({ mailAuth, blobs }: Wired, mail: Mail) =>
  async (): Promise<boolean | 'unknown'> =>
    (await mailAuth.verify(await blobs.get(mail.id))).aligned

/** More headers are none of a mail that people wrote. */
const headBytes = 1 << 18

/** The first bytes of a mail; '' if they are gone, as no verdict waits for that. */
export const headOf = async ({ blobs }: Pick<Wired, 'blobs'>, { id }: Mail): Promise<string> => {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of blobs.stream(id)) {
      chunks.push(Buffer.from(chunk))
      size += chunk.length
      if (size >= headBytes) break
    }
  } catch (error) {
    if (!(error instanceof Fault) || error.retry !== 'never') throw error
    return ''
  }
  return Buffer.concat(chunks).toString('latin1', 0, headBytes)
}

const onForge = { may: false as const, why: 'it came as a pull request, and is answered there' }

/** Whom the mail that a series' reply goes under lets us write to. */
export const reachOf = async (wired: Wired, series: Series, mail: Mail | undefined): Promise<Reachable> => {
  if (series.origin.from === 'forge') return { author: onForge, address: undefined, list: onForge }
  const { store, config, clock, project } = wired
  const { list } = project(series.project)
  const id = mail?.parsed?.messageId
  const found = await reach({
    mail: mail?.parsed,
    head: mail ? await headOf(wired, mail) : '',
    isOwn: mail?.disposition.kind === 'own' || (id !== undefined && (await store.isOurs(id))),
    list,
    never: [config.bot, ...config.projects.map(one => one.list)],
    aligned: mail ? proofOf(wired, mail) : async () => false,
    isSilenced: async address => isSilenced(await store.address(address), clock.now()),
  })
  if (series.origin.from !== 'hand') return found
  return { ...found, list: { may: false, why: 'somebody handed it in, the list did not bring it' } }
}

/** Asks the DNS about a series' mail while it is tested, where its verdict will need to know: that must not wait for an answer. Throws the store's Faults. */
export const askAhead = async (wired: Wired, id: SeriesId): Promise<void> => {
  const series = await wired.store.series(id)
  const part = series && answered(series, { finding: { kind: 'all-well' } })
  const mail = part && (await wired.store.mail(part.mail))
  if (mail) await reachOf(wired, series, mail)
}
