// How mail comes in: each source has a loop of its own, woken by the source and swept now and then, so that none holds up another.
import type { Config, SourceConfig } from '../config/config.ts'
import { botProject, type MailId } from '../model/mail.ts'
import type { Wish } from '../model/series.ts'
import type { MailSource, RawMail } from '../ports/mail-source.ts'
import { receive } from '../stages/receive/receive.ts'
import { routeMail } from '../stages/receive/route.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { type SourceHealth, sourceHealth } from './source-health.ts'
import { openSource } from './sources.ts'
import { waker } from './waker.ts'
import type { Wired } from './wire.ts'

export type Reading = {
  /** botProject: each mail is given to the project whose list it came by. */
  project: string
  source: MailSource
  signal?: AbortSignal
  /** Read from its beginning, as of now, and remember no cursor: handed in by a person. */
  once?: boolean
  /** Only these; all if not given. */
  only?: (mail: RawMail) => boolean
  /** With `once`: where and against what it is to be tested. */
  wish?: Wish | undefined
}

const routeIn = ({ projects }: Config) =>
  routeMail(
    projects.map(({ name, list, listId, listTags }) => ({
      ...{ project: name, address: list.address, listId, listTags },
    })),
  )

const progressMs = 10_000

/** Says every ten seconds how far a long reading is. */
const progress = ({ log, clock }: Wired, name: string) => {
  let saidAt = clock.now()
  let count = 0
  return (mails: readonly RawMail[]) => {
    count += mails.length
    const last = mails.at(-1)
    if (last === undefined || clock.now() - saidAt < progressMs) return
    saidAt = clock.now()
    log('info', `${name}: ${count} mails read so far, up to ${new Date(last.arrivedAt).toISOString()}`)
  }
}

/** Reads what is new in one source and queues it, batch by batch; gives the new mails' ids. Throws the source's and the store's Faults. */
export const readSource = async (wired: Wired, reading: Reading): Promise<MailId[]> => {
  const { project, source, signal, once = false, only = () => true, wish } = reading
  const forAll = project === botProject
  const route = forAll ? routeIn(wired.config) : undefined
  const listTags = forAll ? [] : wired.project(project).listTags
  const from = once ? undefined : await wired.store.cursor(source.name)
  const tell = progress(wired, source.name)
  const all: MailId[] = []
  for await (const batch of source.read(from, signal)) {
    const mails = batch.mails
      .filter(only)
      .map(mail => (once ? { ...mail, arrivedAt: wired.clock.now() } : mail))
    const cursor = once ? undefined : batch.cursor
    const given = { project, source: source.name, listTags, mails, cursor, wish, ...(route ? { route } : {}) }
    const fresh = await receive(wired)(given)
    const projects = await Promise.all(
      fresh.map(async id => (route ? (await wired.store.mail(id))?.project : undefined) ?? project),
    )
    await wired.queue.push(...fresh.map((id, n) => pushes.assemble(projects[n] ?? project, id)))
    for (const id of fresh) all.push(id)
    for (const trouble of batch.troubles ?? []) wired.log('warn', `${source.name}: ${trouble}`)
    tell(batch.mails)
  }
  return all
}

export type ConfiguredSource = { project: string; config: SourceConfig }

/** Every source of the configuration, with whose mail it brings. */
export const sourcesOf = ({ projects, mail }: Config): ConfiguredSource[] => [
  ...projects.flatMap(({ name, sources }) => sources.map(config => ({ project: name, config }))),
  ...mail.inbox.map(config => ({ project: botProject, config })),
]

type Loop = { wake: () => Promise<void>; stop: () => void; sweepMs: number }

const readOnce = async (wired: Wired, reading: Reading, health: SourceHealth): Promise<void> => {
  const { name } = reading.source
  try {
    const read = await readSource(wired, reading)
    if (read.length > 0)
      wired.log('info', `${name}: ${read.length} new ${read.length === 1 ? 'mail' : 'mails'}`)
  } catch (error) {
    if (!reading.signal?.aborted) await health.failed(error)
    return
  }
  await health.worked()
}

/** A server tells what is new by itself; asking it wakes sessions that it has put aside. */
const serverSweepMs = 60_000

const loopOf = (
  wired: Wired,
  { project, config }: ConfiguredSource,
  { sweepMs, signal }: ReadingOptions,
): Loop => {
  const source = openSource(config)
  const health = sourceHealth(wired, source.name)
  const wake = waker(() => readOnce(wired, { project, source, signal }, health))
  return {
    wake,
    stop: source.watch(() => void wake()),
    sweepMs: config.kind === 'imap' ? Math.max(sweepMs, serverSweepMs) : sweepMs,
  }
}

export type ReadingOptions = {
  /** How often a source is read though it did not wake anybody. */
  sweepMs: number
  signal: AbortSignal
}

/** Reads all sources until the signal. `first` resolves when each was read once, or could not be; `over` when all loops have ended. */
export const readSources = (
  wired: Wired,
  options: ReadingOptions,
): { first: Promise<void>; over: Promise<void> } => {
  const { signal } = options
  const loops = sourcesOf(wired.config).map(one => loopOf(wired, one, options))
  const first = Promise.all(loops.map(({ wake }) => wake())).then(() => {})
  const sweep = async ({ wake, sweepMs }: Loop) => {
    while (!signal.aborted) {
      await wake()
      await wired.clock.sleep(sweepMs, signal).catch(() => {})
    }
  }
  const over = Promise.all(loops.map(sweep)).then(() => {
    for (const { stop } of loops) stop()
  })
  return { first, over }
}
