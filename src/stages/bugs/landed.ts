// A series that names bugs has landed: the same changes are in the base (git patch-id), or commits that name its mails. Each of its bugs is told as which commits, once.

import type { BugUrl, BugWrite } from '../../model/bug.ts'
import { changesFor, fixed, type Rule } from '../../model/bug-change.ts'
import { dayMs, type Instant, type Millis } from '../../model/instant.ts'
import type { Commit } from '../../model/job.ts'
import type { Mail, MailId } from '../../model/mail.ts'
import type { Part, Series } from '../../model/series.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Mirror, WantedChange } from '../../ports/git.ts'
import type { Store } from '../../ports/store.ts'
import { mailAddress } from '../../text/archive.ts'
import { contentId } from '../../text/digest.ts'
import { type BugProject, writesOf } from './own-write.ts'
import { ownBugs } from './results.ts'
import { landedText } from './say.ts'

export type LandedPorts = {
  store: Pick<Store, 'addBugWrite' | 'bugWrites' | 'seriesNamingBugs' | 'mail' | 'verdict'>
  mirror: Pick<Mirror, 'landed'>
  clock: Pick<Clock, 'now'>
}

export type LandedSettings = BugProject & {
  repository: string
  landed: 'comment' | 'resolve'
  rules: readonly Rule[]
  addressOf(named: string): BugUrl | undefined
}

/** What mails change, as far as it was read; lost with the process, at no harm. */
export type LandedMemory = {
  changes: Map<MailId, WantedChange | undefined>
  /** Of each branch: where it was, what was looked for there, and what was found. */
  branches: Map<string, { tip: Commit; sought: Set<string>; found: Map<string, Commit> }>
}

export const landedMemory = (): LandedMemory => ({ changes: new Map(), branches: new Map() })

/** So long a series is looked for in the base after it was sent. */
const patienceMs: Millis = 180 * dayMs
/** What is pulled was committed before it was sent. */
export const earlierMs: Millis = 60 * dayMs
const maxRemembered = 10_000

type Waiting = { series: Series; bug: BugUrl; parts: Part[]; changes: WantedChange[] }

/** What the mail of a part changes, as it is looked for in a branch; undefined: that cannot be told of it. */
export const changeIn = (
  mail: Pick<Mail, 'patch'> | undefined,
  { messageId, title }: Pick<Part, 'messageId' | 'title'>,
): WantedChange | undefined => {
  const patch = mail?.patch
  const path = patch?.files[0]?.after ?? patch?.files[0]?.before
  return patch?.patchId === undefined || path === undefined
    ? undefined
    : { patchId: patch.patchId, path, title, ...(messageId === undefined ? {} : { messageId }) }
}

const changeOf = async (
  { store }: LandedPorts,
  { changes: memory }: LandedMemory,
  part: Part,
): Promise<WantedChange | undefined> => {
  const { mail: id } = part
  if (memory.has(id)) return memory.get(id)
  const change = changeIn(await store.mail(id), part)
  if (memory.size >= maxRemembered) memory.clear()
  memory.set(id, change)
  return change
}

/** Bugs that wait for the end of a series; those that were told have it behind them. */
const waitingOf = async (
  ports: LandedPorts,
  series: Series,
  { settings, memory }: { settings: LandedSettings; memory: LandedMemory },
): Promise<Waiting[]> => {
  const bugs = ownBugs(series, settings.addressOf)
  if (bugs.size === 0) return []
  // What was there before it was sent did not land with it: else anybody could have any bug closed, by sending it once more with that name.
  if ((await ports.store.verdict(series.id))?.finding.kind === 'already-applied') return []
  const told = await ports.store.bugWrites({ series: series.id, kind: 'landed' })
  const found: Waiting[] = []
  for (const [bug, parts] of bugs) {
    if (parts.length === 0 || told.some(write => write.bug === bug)) continue
    const changes: WantedChange[] = []
    for (const part of parts) {
      const change = await changeOf(ports, memory, part)
      if (change !== undefined) changes.push(change)
    }
    if (changes.length === parts.length) found.push({ series, bug, parts, changes })
  }
  return found
}

type Sought = { branch: string; tip: Commit; since: Instant; changes: WantedChange[] }

/** What was looked for before is looked for only in what is new in the branch: a long history is read through once. */
const search = async (
  { mirror }: LandedPorts,
  { branch, tip, since, changes }: Sought,
  { settings, memory }: { settings: LandedSettings; memory: LandedMemory },
): Promise<Map<string, Commit>> => {
  const key = `${settings.name} ${branch}`
  const before = memory.branches.get(key)
  const isOld = ({ patchId }: WantedChange) => before?.sought.has(patchId) === true
  const [old, fresh] = [changes.filter(isOld), changes.filter(change => !isOld(change))]
  const found = new Map(before?.found)
  const look = async (some: WantedChange[], after?: Commit) => {
    if (some.length === 0) return
    const wanted = { tip, since, changes: some, ...(after === undefined ? {} : { after }) }
    for (const [patchId, commit] of await mirror.landed(settings.repository, wanted))
      found.set(patchId, commit)
  }
  await look(old, before?.tip)
  await look(fresh)
  const sought = new Set(changes.map(({ patchId }) => patchId))
  for (const patchId of found.keys()) if (!sought.has(patchId)) found.delete(patchId)
  memory.branches.set(key, { tip, sought, found })
  return found
}

const keep = async (
  { store, clock }: LandedPorts,
  { series, bug, parts }: Waiting,
  { commits, branch, settings }: { commits: Commit[]; branch: string; settings: LandedSettings },
): Promise<BugWrite[]> => {
  const { archive, rules, landed } = settings
  const first = (series.cover ?? parts[0])?.messageId
  const link = mailAddress(archive, first)
  const own = rules.filter(({ on }) => on === 'landed')
  const wanted = own.length === 0 && landed === 'resolve' ? [fixed] : own
  const told = {
    // By its commits: another version with the same patches lands with them, and is told with them.
    ...{ id: contentId(24, 'landed', bug, [...commits].sort()), kind: 'landed' as const, bug, link },
    text: landedText({ series, parts, commits, branch, archive }),
    changes: changesFor(wanted, { on: 'landed', mail: link }),
  }
  const added: BugWrite[] = []
  for (const write of writesOf(told, { project: settings, series, now: clock.now() }))
    if (await store.addBugWrite(write)) added.push(write)
  return added
}

/**
 * Looks whether what names bugs is in the branch, and keeps what is to be written of it. Call it when the branch has moved. Repeatable: a bug
 * is told of the same commits once.
 * @returns what is new. Throws Faults of the store and the mirror.
 */
export const writeLanded =
  (ports: LandedPorts) =>
  async (
    { branch, tip }: { branch: string; tip: Commit },
    settings: LandedSettings,
    memory: LandedMemory = landedMemory(),
  ): Promise<BugWrite[]> => {
    const since = ports.clock.now() - patienceMs
    const named = await ports.store.seriesNamingBugs({ project: settings.name, since })
    const waiting: Waiting[] = []
    // The newest version that landed speaks for those before it.
    for (const series of named.toReversed())
      waiting.push(...(await waitingOf(ports, series, { settings, memory })))
    if (waiting.length === 0) return []
    const oldest = Math.min(...waiting.map(({ series }) => series.firstAt))
    const changes = [...new Map(waiting.flatMap(one => one.changes).map(one => [one.patchId, one])).values()]
    const found = await search(
      ports,
      { branch, tip, changes, since: oldest - earlierMs },
      { settings, memory },
    )
    const added: BugWrite[] = []
    for (const one of waiting) {
      const commits = one.changes.flatMap(({ patchId }) => found.get(patchId) ?? [])
      if (commits.length < one.changes.length) continue
      added.push(...(await keep(ports, one, { commits, branch, settings })))
    }
    return added
  }
