// /grapevine track, untrack: a thread and a bug are kept in step from now on, or no longer. What is said of it, thread and bug hear.
import type { Bug, Track } from '../model/bug.ts'
import type { Command } from '../model/command.ts'
import { Fault } from '../model/fault.ts'
import { botProject, type Mail, type MessageId } from '../model/mail.ts'
import { bugsNamed, type Series } from '../model/series.ts'
import { threadOfBug } from '../model/sync.ts'
import type { SyncPorts } from '../stages/bugs/mirrored.ts'
import { endTrack, sayBegun } from '../stages/bugs/track.ts'
import { mailAddress } from '../text/archive.ts'
import { oneLine } from '../text/clean.ts'
import { type Act, deny } from './command-series.ts'
import { syncPorts, syncProjectOf } from './sync-project.ts'
import type { Wired } from './wire.ts'

/** What a tracker says of the bug of a command, or why that cannot be known. */
export type Tracked = { bug: Bug } | { why: string }

type About = { command: Command; mail: Mail; series: Series | undefined }

const mostClimbed = 60

/** The first mail of a thread that is known, and a name for the thread also where it never came here. */
const rootOf = async (store: Wired['store'], project: string, mail: Mail): Promise<MessageId | undefined> => {
  let root = mail.parsed?.messageId
  let above = mail.parsed?.ancestors ?? []
  for (let n = 0; n < mostClimbed && above.length > 0; n++) {
    const oldest = above.at(-1)
    if (oldest === undefined || oldest === root) break
    root = oldest
    const [next] = await store.mailsByMessageId(root, project)
    above =
      next?.parsed?.ancestors ?? (await store.replyByMessageId(root))?.mail.references.toReversed() ?? []
  }
  return root
}

const projectOf = (wired: Wired, { mail, series }: Pick<About, 'mail' | 'series'>) => {
  const name = series?.project ?? (mail.project === botProject ? undefined : mail.project)
  return name === undefined ? undefined : syncProjectOf(wired, wired.project(name))
}

const tracksHere = async (wired: Wired, about: About): Promise<Track[]> => {
  const project = projectOf(wired, about)
  const root = project && (await rootOf(wired.store, project.name, about.mail))
  const all = root === undefined ? [] : await wired.store.tracks({ thread: root, on: true })
  return all.filter(track => track.project === project?.name)
}

const bugOf = async (wired: Wired, about: About): Promise<{ url: string } | { why: string } | undefined> => {
  const { request } = about.command
  const project = projectOf(wired, about)
  if (project === undefined) return undefined
  if (request.do === 'untrack') {
    const [track] = await tracksHere(wired, about)
    return track && { url: track.bug }
  }
  if (request.do !== 'track') return undefined
  const { tracker } = project
  const named =
    request.bug === undefined
      ? [...bugsNamed(about.series ?? { cover: undefined, parts: [] }).keys()]
      : [request.bug]
  const urls = [...new Set(named.flatMap(name => tracker.addressOf(name) ?? []))]
  const [url] = urls
  if (url !== undefined && urls.length === 1) return { url }
  if (request.bug !== undefined)
    return { why: `I know no tracker that has a bug "${oneLine(request.bug, 100)}".` }
  return { why: 'Which bug? Name it: /grapevine track 123' }
}

const noAnswer = 'The bug tracker does not answer. Try again later, please.'

/** Asks the tracker for the bug that a command is about: never call it in turn. undefined: it is about none. Faults: those of the store. */
export const trackedBug = async (wired: Wired, about: About): Promise<Tracked | undefined> => {
  const tracker = projectOf(wired, about)?.tracker
  const { request } = about.command
  try {
    if (request.do === 'track' && request.bug !== undefined) await tracker?.learn([request.bug])
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return { why: noAnswer }
  }
  const found = await bugOf(wired, about)
  if (found === undefined || tracker === undefined || 'why' in found)
    return found && 'why' in found ? found : undefined
  try {
    const bug = await tracker.bug(found.url)
    // Nobody learns here whether there is one that not all may see.
    return bug === undefined || bug.isRestricted
      ? { why: 'There is no such bug that everybody may see.' }
      : { bug }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return {
      why: error.retry === 'never' ? 'There is no such bug that everybody may see.' : noAnswer,
    }
  }
}

const noThread = deny(
  'I keep only threads of lists in step with bugs. Write that in the thread, with me in Cc.',
)
const noTracker = deny('There is no bug tracker that I keep threads of this list in step with.')

/** A command is done in its turn already. */
const portsInTurn = (wired: Wired): SyncPorts => ({ ...syncPorts(wired), inTurn: act => act() })

const silent = (what: string): Act => ({ how: 'done', what, template: '', variables: {}, silent: true })

/** Why it cannot begin. */
const against = async (
  { store }: Wired,
  project: string,
  { bug, thread }: { bug: Bug; thread: MessageId },
) => {
  const ofBug = threadOfBug(await store.tracks({ bug: bug.url, on: true }), project)
  const here = (await store.tracks({ thread, on: true })).find(one => one.project === project)
  if (here?.bug === bug.url) return deny(`This thread is kept in step with bug ${bug.id} already.`)
  if (here)
    return deny('This thread is kept in step with another bug. First say: /grapevine untrack', [here.bug])
  if (ofBug)
    return deny(`Bug ${bug.id} is kept in step with another thread. First say there: /grapevine untrack`, [
      ofBug.thread,
    ])
  return bug.isOpen ? undefined : deny(`Bug ${bug.id} is closed.`)
}

/** `tracked`: of trackedBug. */
export const track = async (wired: Wired, given: About & { tracked?: Tracked | undefined }): Promise<Act> => {
  const { command, mail, tracked } = given
  if (mail.project === botProject && given.series === undefined) return noThread
  const project = projectOf(wired, given)
  if (project === undefined || tracked === undefined) return noTracker
  if (!wired.config.mail.live) return deny('I am not live yet, and keep nothing in step until then.')
  if ('why' in tracked) return deny(tracked.why)
  const { bug } = tracked
  const thread = await rootOf(wired.store, project.name, mail)
  if (thread === undefined) return noThread
  const no = await against(wired, project.name, { bug, thread })
  if (no) return no
  const { createdAt: since, sender: by } = command
  const made: Track = {
    ...{ tracker: project.tracker.name, bug: bug.url, project: project.name, thread, by, since },
    ...{ lastAt: since, state: { at: 'on' } },
  }
  const name = mail.parsed?.author?.name ?? ''
  const link = mailAddress(project.archive, thread)
  await sayBegun(syncPorts(wired), { ...project, login: '' }, { track: made, bug, by: name, link })
  await wired.store.saveTrack(made)
  return silent(`bug ${bug.id} and the thread are kept in step`)
}

export const untrack = async (
  wired: Wired,
  given: About & { tracked?: Tracked | undefined },
): Promise<Act> => {
  const project = projectOf(wired, given)
  if (project === undefined) return given.mail.project === botProject ? noThread : noTracker
  const tracks = await tracksHere(wired, given)
  if (tracks.length === 0) return deny('This thread is kept in step with no bug.')
  const { tracked } = given
  for (const one of tracks) {
    const bug = tracked && 'bug' in tracked && tracked.bug.url === one.bug ? tracked.bug : undefined
    const event = { on: 'asked' } as const
    await endTrack(portsInTurn(wired), { ...project, login: '' }, { track: one, event, bug })
  }
  return silent('the thread is no longer kept in step')
}
