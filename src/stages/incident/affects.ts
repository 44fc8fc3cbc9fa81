// What an incident touches: hosts, images, projects, and the series that wait for it or were struck by it. Pure; world.ts reads what it
// looks at. Beside the flow, while the incident lives.
import { heldBy, waitsFor } from '../../model/alike.ts'
import type { Blame } from '../../model/blame.ts'
import type { Host } from '../../model/host.ts'
import { type Affects, affectsNothing, type Incident, type Trouble } from '../../model/incident.ts'
import type { Millis } from '../../model/instant.ts'
import type { RunEnd } from '../../model/run-end.ts'
import type { SeriesId } from '../../model/series.ts'

/** Of a task of a series that waits. */
export type Waiting = { series: SeriesId; project: string; image: string }

/** What of the farm's state an incident may touch. */
export type World = {
  hosts: Host[]
  /** Names of hosts that take no tasks now, whatever the reason. */
  down: ReadonlySet<string>
  waiting: Waiting[]
  /** Runs of series that ended lately. */
  ends: (RunEnd & { series: SeriesId })[]
  /** Series whose mail waits to leave. */
  unsent: { series: SeriesId; project: string }[]
  blames: Blame[]
  projects: { name: string; sources: string[]; alikeWithinMs: Millis }[]
}

type Found = { hosts?: string[]; images?: string[]; projects?: string[]; series?: string[] }

const sorted = (names: string[] = []): string[] => [...new Set(names)].sort()

const isOursAs = (end: RunEnd, ...whats: string[]): boolean =>
  end.kind === 'ours' && whats.includes(end.what ?? '')

/** Was the run struck by that kind of trouble, where that is? */
const strikes: Partial<Record<Trouble, (end: RunEnd) => boolean>> = {
  'host-lost': end => isOursAs(end, 'host-lost', 'worker-died'),
  'disk-reserve': end => isOursAs(end, 'exhausted', 'out-of-space'),
  'disk-error': end => isOursAs(end, 'disk-error'),
  'image-damaged': end => isOursAs(end, 'template-damaged', 'damaged'),
  'template-damaged': end => isOursAs(end, 'template-damaged', 'damaged'),
  'guests-failing': end => end.sick !== undefined,
}

/** An image's incident says in `about` which image it is. */
const isImages = (trouble: Trouble): boolean =>
  trouble === 'image-unserved' || trouble === 'image-damaged' || trouble === 'guests-failing'

const isThere = ({ trouble, host, about }: Incident, end: RunEnd): boolean =>
  (host !== undefined || isImages(trouble)) &&
  (host === undefined || end.host === host) &&
  (!isImages(trouble) || end.image === about || (host !== undefined && about === host))

const struck = (incident: Incident, { ends }: World): Found => {
  const hits = strikes[incident.trouble]
  if (!hits) return {}
  // A little before it was noticed, it was so already.
  const own = ends.filter(end => end.endedAt >= incident.since - lagMs && hits(end) && isThere(incident, end))
  return { series: own.map(end => end.series), projects: own.map(end => end.project) }
}

/** So long something may have been wrong before it was noticed. */
const lagMs: Millis = 5 * 60_000

const waitingFor = (waiting: Waiting[], images: ReadonlySet<string>): Found => {
  const own = waiting.filter(({ image }) => images.has(image))
  return {
    images: [...images],
    series: own.map(({ series }) => series),
    projects: own.map(({ project }) => project),
  }
}

/** Where other hosts take a host's tasks, nothing waits for it. */
const onlyThere = (name: string, { hosts, down }: World): Set<string> => {
  const elsewhere = new Set(hosts.filter(host => !down.has(host.name)).flatMap(({ images }) => images))
  const own = hosts.find(host => host.name === name)?.images ?? []
  return new Set(own.filter(image => !elsewhere.has(image)))
}

const byHost = (incident: Incident, world: World): Found =>
  incident.host === undefined || !world.down.has(incident.host)
    ? {}
    : waitingFor(world.waiting, onlyThere(incident.host, world))

/** With the hosts that have it, by their last word. */
const byImage = ({ about }: Incident, { waiting, hosts }: World): Found => ({
  ...waitingFor(waiting, new Set([about])),
  hosts: hosts.filter(({ images }) => images.includes(about)).map(({ name }) => name),
})

const byDamage = ({ about }: Incident, { waiting }: World): Found => waitingFor(waiting, new Set([about]))

/** All that waits; if it is one project's trouble, of that one. */
const byQueue = ({ about }: Incident, { waiting, projects }: World): Found => {
  const [only] = projects.filter(({ name }) => name === about)
  const own = waiting.filter(({ project }) => only === undefined || project === only.name)
  return {
    projects: only ? [only.name] : projects.map(({ name }) => name),
    series: own.map(({ series }) => series),
  }
}

/** `about` begins with the project's name, which has no blanks in it. */
const byProject = ({ about }: Incident, { projects }: World): Found => ({
  projects: projects
    .filter(
      ({ name }) => about === name || (/^[: ]/.test(about.slice(name.length)) && about.startsWith(name)),
    )
    .map(({ name }) => name),
})

const bySource = ({ about }: Incident, { projects }: World): Found => {
  const own = projects.filter(({ sources }) => sources.includes(about))
  // The bot's own mailbox is every project's.
  return { projects: (own.length > 0 ? own : projects).map(({ name }) => name) }
}

const byMail = (_: Incident, { unsent }: World): Found => ({
  series: unsent.map(({ series }) => series),
  projects: unsent.map(({ project }) => project),
})

const byBlames = (incident: Incident, { blames, projects }: World): Found => {
  const [project] = byProject(incident, { projects } as World).projects ?? []
  const within = projects.find(({ name }) => name === project)?.alikeWithinMs ?? 0
  const own = blames.filter(
    blame => blame.project === project && waitsFor(incident, blame) && heldBy(incident, blame, within),
  )
  return {
    projects: project === undefined ? [] : [project],
    series: own.map(({ series }) => series),
    images: own.map(({ image }) => image),
    hosts: [/ on host (\S+)$/.exec(incident.about)?.[1] ?? []].flat(),
  }
}

const nothing = (): Found => ({})

const rules: Partial<Record<Trouble, (incident: Incident, world: World) => Found>> = {
  'host-lost': byHost,
  'host-unqualified': byHost,
  'disk-reserve': byHost,
  'power-cycled': byHost,
  'image-unserved': byImage,
  'image-damaged': byDamage,
  'queue-stuck': byQueue,
  'queue-old': byQueue,
  'redis-unreachable': byQueue,
  'database-unreachable': byQueue,
  'base-broken': byProject,
  'source-unreachable': bySource,
  'mail-unreachable': byMail,
  'alike-failures': byBlames,
}

/** What it touches as things are now, as far as the trouble's kind tells; names sorted. */
export const affectsOf = (incident: Incident, world: World): Affects => {
  const { trouble, host } = incident
  const found = [(rules[trouble] ?? nothing)(incident, world), struck(incident, world)]
  const all = (key: keyof Affects) => found.flatMap(one => one[key] ?? [])
  return {
    ...affectsNothing,
    hosts: sorted([...(host === undefined ? [] : [host]), ...all('hosts')]),
    images: sorted(all('images')),
    projects: sorted(all('projects')),
    series: sorted(all('series')),
  }
}
