// What bugs are told of series that name them: the verdict when it is there, and that it landed when the base has moved. Beside the flow:
// both follow from what is stored, and a sweep does what a crash cut off.
import type { BugWrite } from '../model/bug.ts'
import { Fault } from '../model/fault.ts'
import type { Instant, Millis } from '../model/instant.ts'
import type { Commit } from '../model/job.ts'
import { bugsNamed, type Series } from '../model/series.ts'
import { isJudged, type Verdict } from '../model/verdict.ts'
import { type LandedMemory, landedMemory, writeLanded } from '../stages/bugs/landed.ts'
import { type ResultSettings, writeResults } from '../stages/bugs/results.ts'
import { shortFinding } from '../stages/reply/finding.ts'
import { eachBranch } from './landed.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'config' | 'store' | 'clock' | 'mirror' | 'trackers' | 'log'>
type Project = Ports['config']['projects'][number]

/** What this process has seen already; lost with it, at no harm. */
export type BugResultMemory = {
  /** Verdicts that were told, by series. */
  told: Map<string, string>
  lookedAt: Instant | undefined
  /** Where each branch was when it was looked through. */
  tips: Map<string, Commit>
  changes: LandedMemory
}

export const bugResultMemory = (): BugResultMemory => ({
  ...{ told: new Map(), lookedAt: undefined, tips: new Map(), changes: landedMemory() },
})

const minuteMs: Millis = 60_000
/** Older verdicts were told long ago, or never are: after a pause nobody wants to hear of last month. */
const patienceMs: Millis = 30 * 24 * 60 * minuteMs
const maxRemembered = 10_000

const settingsOf = ({ config, trackers }: Ports, project: Project): ResultSettings | undefined => {
  const { bugs, archive } = project
  const tracker = trackers.find(({ name }) => name === bugs?.tracker)
  if (bugs === undefined || tracker === undefined) return undefined
  return {
    ...{ name: project.name, tracker: tracker.name, archive, live: config.mail.live },
    ...{ results: bugs.results, rules: bugs.rules, short: shortFinding },
    addressOf: named => tracker.addressOf(named),
  }
}

const say = ({ log }: Ports, writes: BugWrite[]): void => {
  for (const { id, bug, kind, series, state, text } of writes) {
    if (text === undefined && state.at !== 'failed') continue
    const what = kind === 'landed' ? 'that it landed' : 'the verdict'
    const why = state.at === 'failed' ? ` (${state.why}; see it with: grapevine bug show ${id})` : ''
    log('info', `${bug} is told ${what}${why}`, { series })
  }
}

/** Tells its bugs of a verdict. Repeatable. Throws the store's Faults. */
export const tellBugs = async (ports: Ports, series: Series, verdict: Verdict): Promise<void> => {
  const project = ports.config.projects.find(({ name }) => name === series.project)
  const settings = project && settingsOf(ports, project)
  if (settings) say(ports, await writeResults(ports)({ series, verdict }, settings))
}

const namingBugs = ({ store, clock }: Ports, project: Project): Promise<Series[]> =>
  store.seriesNamingBugs({ project: project.name, since: clock.now() - patienceMs })

/** Asks for aliases that series name: here alone, as a verdict waits for no tracker. false: it does not answer now, and that is logged. */
const learn = async (
  { trackers, log }: Ports,
  { bugs }: Project,
  series: readonly Series[],
): Promise<boolean> => {
  const tracker = trackers.find(({ name }) => name === bugs?.tracker)
  try {
    for (const one of series) await tracker?.learn([...bugsNamed(one).keys()])
    return true
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    log('warn', `names of bugs cannot be looked up: ${error.message}`)
    return false
  }
}

/** Verdicts of which the bugs were not told: the process died in between, or their aliases were not known. */
const tellMissed = async (ports: Ports, project: Project, memory: BugResultMemory): Promise<void> => {
  const { store } = ports
  let isAway = false
  for (const series of await namingBugs(ports, project)) {
    const turn = series.state.at === 'planned' ? `${series.state.job} ${series.round ?? 0}` : undefined
    if (turn === undefined || memory.told.get(series.id) === turn) continue
    const verdict = await store.verdict(series.id)
    if (verdict === undefined || !isJudged(series, verdict)) continue
    if (isAway || !(await learn(ports, project, [series]))) isAway = true
    await tellBugs(ports, series, verdict)
    if (memory.told.size >= maxRemembered) memory.told.clear()
    if (!isAway) memory.told.set(series.id, turn)
  }
}

/** Does what is due for verdicts, once a minute; harmless at any time. Throws the store's Faults. */
export const tendBugResults = async (ports: Ports, memory: BugResultMemory): Promise<void> => {
  const now = ports.clock.now()
  if (memory.lookedAt !== undefined && now - memory.lookedAt < minuteMs) return
  for (const project of ports.config.projects)
    if (settingsOf(ports, project)) await tellMissed(ports, project, memory)
  memory.lookedAt = now
}

const tendBranch = async (
  ports: Ports,
  project: Project,
  { branch, memory }: { branch: string; memory: BugResultMemory },
): Promise<void> => {
  const settings = settingsOf(ports, project)
  const landed = project.bugs?.landed ?? 'off'
  if (settings === undefined || landed === 'off') return
  const { repository } = project.recipe
  const key = `${project.name} ${branch}`
  const tip = await ports.mirror.resolve(repository, branch)
  if (tip === undefined || memory.tips.get(key) === tip) return
  if (!(await learn(ports, project, await namingBugs(ports, project)))) return
  const own = { ...settings, repository, landed }
  say(ports, await writeLanded(ports)({ branch, tip }, own, memory.changes))
  memory.tips.set(key, tip)
}

/** Tells bugs of what landed, after each move of a branch; the mirror is as the bases' look left it. Repeatable. Throws the store's Faults. */
export const tendLanded = async (
  ports: Ports,
  memory: BugResultMemory,
  complain: (what: string) => void,
): Promise<void> =>
  eachBranch(ports, complain, (project, branch) => tendBranch(ports, project, { branch, memory }))
