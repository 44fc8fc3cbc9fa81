// What is stored of a series → what the forge is to show of it.
import { type Command, maxCommands } from '../model/command.ts'
import { Fault } from '../model/fault.ts'
import type { PullRef } from '../model/forge.ts'
import type { Series } from '../model/series.ts'
import { isCancelled, isJudged, type Verdict } from '../model/verdict.ts'
import type { AnswerShown, ShowView } from '../stages/forge-show/view.ts'
import { shortFinding } from '../stages/reply/finding.ts'
import { changedLines } from '../text/changed-lines.ts'
import { logLines } from '../text/clean.ts'
import { contentId } from '../text/digest.ts'
import { runPath, seriesPath } from '../web/links.ts'
import { stopsOfTasks } from './stopped.ts'
import type { Wired } from './wire.ts'

export type ForgePorts = Pick<
  Wired,
  'config' | 'store' | 'clock' | 'mirror' | 'blobs' | 'log' | 'forge' | 'project'
>

const prefix = 'forge-'

/** Stands for the mail of a command that came by a comment or a button: a name that no mail has. */
export const commandMail = ({ repository, number }: PullRef): string =>
  `${prefix}${contentId(24, repository, number)}`

const isForgeCommand = ({ mail }: Pick<Command, 'mail'>): boolean => mail.startsWith(prefix)

/** Those of one comment, with the word that there were too many; older ones are no news to anybody. */
const maxAnswers = maxCommands + 1

const saysMore = ({ request, state }: Command): boolean =>
  state.at === 'refused' || (state.at === 'done' && (request.do === 'status' || request.do === 'help'))

const answersOf = async ({ store }: ForgePorts, series: Series): Promise<AnswerShown[]> => {
  const commands = (await store.commands({ series: series.id })).filter(isForgeCommand)
  return commands
    .filter(saysMore)
    .slice(-maxAnswers)
    .map(({ line, sender, state }) => ({
      ...{ line, who: sender.replace(/^github:/, '') },
      text: state.at === 'refused' ? state.why : state.at === 'done' ? state.what : '',
    }))
}

const filesOf = async ({ store }: ForgePorts, { parts, project }: Series): Promise<string[]> => {
  const mails = await Promise.all(parts.map(part => store.mail(part.mail, project)))
  return [...new Set(mails.flatMap(mail => mail?.patch?.files.flatMap(({ after }) => after ?? []) ?? []))]
}

/** More is no change that anybody reads line by line. */
const maxPatchBytes = 4 << 20

/** Only where marks may come of it: the patches are read for it. */
const linesOf = async (
  { store, blobs }: ForgePorts,
  { series, verdict }: { series: Series; verdict: Verdict | undefined },
): Promise<ShowView['lines']> => {
  const isMarked =
    verdict?.finding.kind === 'build-broken' || verdict?.images.some(({ kind }) => kind === 'new-failures')
  if (!isMarked || series.origin.from !== 'forge') return new Map()
  const mails = await Promise.all(series.parts.map(({ mail }) => store.mail(mail, series.project)))
  if (mails.reduce((sum, mail) => sum + (mail?.size ?? 0), 0) > maxPatchBytes) return new Map()
  try {
    const patches = await Promise.all(series.parts.map(({ mail }) => blobs.get(mail)))
    return changedLines(patches.map(bytes => bytes.toString('utf8')))
  } catch (error) {
    if (error instanceof Fault) return new Map()
    throw error
  }
}

const logOf = async ({ blobs }: ForgePorts, verdict: Verdict | undefined): Promise<string[]> => {
  if (verdict?.finding.kind !== 'build-broken' || verdict.buildLog === undefined) return []
  try {
    return logLines((await blobs.get(verdict.buildLog)).toString('utf8'))
  } catch (error) {
    // One that is gone leaves the errors that the verdict has.
    if (error instanceof Fault) return []
    throw error
  }
}

/** On the round that the series is in. */
const verdictNow = (series: Series, verdict: Verdict | undefined): Verdict | undefined =>
  verdict !== undefined && (isJudged(series, verdict) || isCancelled(verdict, series)) ? verdict : undefined

const pagesOf = ({ config }: ForgePorts, series: Series): ShowView['pages'] => {
  const base = config.web.url?.replace(/\/$/, '')
  return base === undefined
    ? undefined
    : { series: base + seriesPath(series.id), run: run => base + runPath(run) }
}

/** All of it. Throws the store's Faults. */
export const forgeView = async (ports: ForgePorts, series: Series): Promise<ShowView> => {
  const { store } = ports
  const verdict = verdictNow(series, await store.verdict(series.id))
  const id = series.state.at === 'planned' ? series.state.job : undefined
  const job = id === undefined ? undefined : await store.job(id)
  const planned = job?.recipe.test.images ?? ports.project(series.project).recipe.test.images
  const wished = series.wish?.images
  const tasks = job === undefined ? [] : await store.tasksOf(job.id)
  return {
    ...{ series, job, verdict, answers: await answersOf(ports, series), pages: pagesOf(ports, series) },
    tasks,
    images: verdict && !job ? [] : wished && !job ? planned.filter(one => wished.includes(one)) : planned,
    files: verdict ? await filesOf(ports, series) : [],
    lines: await linesOf(ports, { series, verdict }),
    buildLog: await logOf(ports, verdict),
    stops: verdict ? [] : await stopsOfTasks(ports, tasks),
    short: verdict ? shortFinding(verdict, series) : '',
  }
}

/** There is a verdict on the round, or it waits for somebody: by itself nothing changes any more. */
export const isDecided = ({ verdict, series }: ShowView): boolean =>
  verdict !== undefined || series.state.at === 'held'
