// A verdict on a series that names bugs → one comment for each of them, and what the rules change. Again only when it says something else
// than what the bug was told last of this series, or of a version before it.

import type { BugUrl, BugWrite } from '../../model/bug.ts'
import { changesFor, meaningOf, type Rule } from '../../model/bug-change.ts'
import { saysTheSame } from '../../model/sameness.ts'
import { bugsNamed, type Part, type Series } from '../../model/series.ts'
import { type Verdict, verdictKey } from '../../model/verdict.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { mailAddress } from '../../text/archive.ts'
import { contentId } from '../../text/digest.ts'
import { type BugProject, writesOf } from './own-write.ts'
import { resultText } from './say.ts'

export type ResultPorts = {
  store: Pick<Store, 'addBugWrite' | 'moveBugWrite' | 'bugWrites' | 'verdictsOf' | 'seriesReplacedBy'>
  clock: Pick<Clock, 'now'>
}

export type ResultSettings = BugProject & {
  /** Are comments wanted? Without, only the rules are followed. */
  results: boolean
  rules: readonly Rule[]
  /** Address of a bug of the project's tracker; undefined: it is none. */
  addressOf(named: string): BugUrl | undefined
  /** A verdict in a few words: `2 new failures`. */
  short(verdict: Verdict, series: Series): string
}

/** A mail may name as many as it likes. */
const maxBugs = 16
const maxVersions = 20

/** The bugs of the tracker that a series names, each once, with the parts that name it. */
export const ownBugs = (
  series: Series,
  addressOf: (named: string) => BugUrl | undefined,
): Map<BugUrl, Part[]> => {
  const found = new Map<BugUrl, Part[]>()
  for (const [named, parts] of bugsNamed(series)) {
    const bug = addressOf(named)
    if (bug === undefined || (!found.has(bug) && found.size >= maxBugs)) continue
    const both = new Set([...(found.get(bug) ?? []), ...parts])
    found.set(
      bug,
      series.parts.filter(part => both.has(part)),
    )
  }
  return found
}

type Given = { series: Series; verdict: Verdict }

const resultId = (bug: BugUrl, { series, verdict }: Given): string =>
  contentId(24, 'result', bug, series.id, verdictKey(verdict))

/** This series and the versions that it took the place of, with all their verdicts. */
const history = async ({ store }: ResultPorts, series: Series): Promise<Given[]> => {
  const found: Given[] = []
  const seen = new Set<string>()
  const next = [series]
  while (seen.size < maxVersions) {
    const one = next.shift()
    if (one === undefined) break
    if (seen.has(one.id)) continue
    seen.add(one.id)
    for (const verdict of await store.verdictsOf(one.id)) found.push({ series: one, verdict })
    next.push(...(await store.seriesReplacedBy(one.id)))
  }
  return found
}

type Told = {
  /** The last that stands in the bug, or is about to. */
  read: Given | undefined
  /** The last, also if it waits to be written. */
  last: Given | undefined
  waiting: BugWrite[]
}

/** What the bug was told of these. What failed nobody read. */
const toldOf = async ({ store }: ResultPorts, bug: BugUrl, given: readonly Given[]): Promise<Told> => {
  const byId = new Map(given.map(one => [resultId(bug, one), one]))
  const series = new Set(given.map(one => one.series.id))
  const writes = (await store.bugWrites({ bug, kind: 'result' })).filter(({ state }) => state.at !== 'failed')
  const told = writes.filter(({ id }) => byId.has(id))
  const read = told.filter(({ state }) => state.at !== 'pending').at(-1)
  const last = told.at(-1)
  return {
    read: read && byId.get(read.id),
    last: last && byId.get(last.id),
    waiting: writes.filter(one => one.state.at === 'pending' && series.has(one.series ?? '')),
  }
}

/** What a newer verdict takes the place of before anybody read it; what is being written just now is read. */
const withdraw = async ({ store, clock }: ResultPorts, waiting: BugWrite[]): Promise<boolean> => {
  let all = true
  for (const { id, state } of waiting)
    all = (await store.moveBugWrite(id, state, { at: 'failed', when: clock.now(), why: takenOver })) && all
  return all
}

const takenOver = 'not written: a newer verdict took its place'

/**
 * Keeps what is to be written of a verdict. Repeatable: the same verdict is told a bug once.
 * @returns what is new, in the order of writing. Throws the store's Faults.
 */
export const writeResults =
  (ports: ResultPorts) =>
  async (given: Given, settings: ResultSettings): Promise<BugWrite[]> => {
    const { series, verdict } = given
    const meaning = meaningOf(verdict)
    const bugs = ownBugs(series, settings.addressOf)
    if (meaning === 'silent' || bugs.size === 0) return []
    const { archive, rules } = settings
    const link = mailAddress(archive, (series.cover ?? series.parts[0])?.messageId)
    const nothing = { before: [], change: undefined, after: [] }
    const changes = meaning === 'none' ? nothing : changesFor(rules, { on: meaning, mail: link })
    const told = await history(ports, series)
    const added: BugWrite[] = []
    for (const [bug, parts] of bugs) {
      const heard = await toldOf(ports, bug, told)
      if (heard.last && saysTheSame(heard.last.verdict, verdict)) continue
      const isAll = await withdraw(ports, heard.waiting)
      const { read } = isAll ? heard : await toldOf(ports, bug, told)
      if (read && saysTheSame(read.verdict, verdict)) continue
      const before = read && {
        version: read.series.version,
        found: settings.short(read.verdict, read.series),
      }
      const text = settings.results ? resultText({ series, verdict, parts, archive, before }) : undefined
      const own = { id: resultId(bug, given), kind: 'result' as const, bug, text, link, changes }
      for (const write of writesOf(own, { project: settings, series, now: ports.clock.now() }))
        if (await ports.store.addBugWrite(write)) added.push(write)
    }
    return added
  }
