// A dry run: receive and assemble over a whole archive, with nothing kept and nothing built. Time is the archive's own: each mail is
// taken at its arrival, so that quiet periods and deadlines are those of then.
import { join } from 'node:path'
import { fileBlobs } from '../adapters/blobs/files.ts'
import { noBlobs } from '../adapters/blobs/none.ts'
import { gitMail } from '../adapters/git/mail.ts'
import { openStore } from '../adapters/sql/store.ts'
import type { Config, ProjectConfig } from '../config/config.ts'
import type { Mail } from '../model/mail.ts'
import type { Series } from '../model/series.ts'
import type { Clock } from '../ports/clock.ts'
import type { MailSource, RawMail } from '../ports/mail-source.ts'
import type { Store } from '../ports/store.ts'
import { assemble } from '../stages/assemble/assemble.ts'
import { fill } from '../stages/assemble/fill.ts'
import { receive } from '../stages/receive/receive.ts'
import { close } from '../stages/upkeep/overdue.ts'

export type DryRun = {
  store: Store
  /** Every mail in order of arrival, with its final disposition. */
  mails: Mail[]
  series: Map<string, Series>
}

export type DryRunOptions = {
  project: Pick<ProjectConfig, 'name' | 'listTags'>
  assemble: Config['assemble']
  source: MailSource
  /** Where mails and database are kept, as the bot keeps them; without, nothing is. */
  folder?: string
  onProgress?: (mails: number) => void
  /** Sees the raw mail, for those who need some of them again. */
  onMail?: (mail: RawMail) => void
}

/** An archive's clock: stands at the arrival of the mail at hand. */
const archiveClock = (): Clock & { now(): number; set(at: number): void } => {
  let at = 0
  return {
    now: () => at,
    set(to) {
      at = Math.max(at, to)
    },
    sleep: async () => {},
  }
}

/** The caller closes the store. Throws the source's and git's Faults. */
export const dryRun = async ({
  project,
  source,
  onProgress,
  onMail,
  folder,
  ...options
}: DryRunOptions): Promise<DryRun> => {
  const store = await openStore({ folder: folder ?? ':memory:' })
  const blobs = folder === undefined ? noBlobs() : fileBlobs({ folder: join(folder, 'blobs') })
  const clock = archiveClock()
  const ports = { store, clock, blobs, gitMail: gitMail() }
  const settings = { project: project.name, ...options.assemble }
  const closeAll = async (): Promise<void> => {
    for (const series of await store.seriesDue(clock.now())) {
      if ((await fill(ports)(series)).length > 0) continue
      await store.saveSeries([close(series, clock.now(), settings.deadlineMs).series])
    }
  }
  let count = 0
  for await (const { mails, cursor } of source.read(undefined)) {
    for (const mail of mails) onMail?.(mail)
    const fresh = await receive(ports)({
      project: project.name,
      source: source.name,
      listTags: project.listTags,
      mails,
      cursor,
    })
    for (const id of fresh) {
      clock.set((await store.mail(id))?.arrivedAt ?? 0)
      await closeAll()
      await assemble(ports)(settings, id)
    }
    count += mails.length
    onProgress?.(count)
  }
  clock.set(Number.MAX_SAFE_INTEGER)
  await closeAll()
  const all = await store.seriesIn({ project: project.name })
  return {
    store,
    mails: await store.mails({ project: project.name }),
    series: new Map(all.map(series => [series.id, series])),
  }
}
