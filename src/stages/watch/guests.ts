// Guests whose kernel panics, or whose disk becomes unreadable or read-only, more than usual, on an image or on a host. A patch may panic a
// kernel as well: so only what several people's series, or runs without any patch, have in common is ours.
import { tailOf } from '../../model/chance.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { JobId } from '../../model/job.ts'
import type { RunEnd } from '../../model/run-end.ts'
import type { Store } from '../../ports/store.ts'
import { isCalm } from './calm.ts'
import type { Found, Over } from './found.ts'

const trouble = 'guests-failing'

/** What is looked at as now; what was before tells what is usual. */
export const guestsWindowMs: Millis = 2 * 3_600_000

/** So many who have nothing to do with each other. */
const minOwners = 3

/** By chance, so rarely would it be so many; looks within one window are not independent. */
const chance = 0.000_5

/** Usual is one in two hundred, until runs have told more. */
const prior = { sick: 0.5, runs: 100 }

type Owners = Map<JobId, string>

/** Whose run it was: an author, or nobody's, and then each base for itself. */
const ownerOf = async (store: Store, end: RunEnd, known: Owners): Promise<string> => {
  const seen = known.get(end.job)
  if (seen !== undefined) return end.without ? `without ${end.job}` : seen
  const job = await store.job(end.job)
  const series = job?.series === undefined ? undefined : await store.series(job.series)
  const owner = series?.author.address.toLowerCase() ?? `base ${job?.base ?? end.job}`
  known.set(end.job, owner)
  return end.without ? `without ${end.job}` : owner
}

type Place = { host: string | undefined; about: string; isHere: (end: RunEnd) => boolean }

const onHost = (host: string): Place => ({ host, about: host, isHere: end => end.host === host })

const onImage = (image: string): Place => ({
  host: undefined,
  about: image,
  isHere: end => end.image === image,
})

/** One host, if the others have run the same and nothing ailed their guests; else each image. */
const placesOf = (sick: RunEnd[], recent: RunEnd[]): Place[] => {
  const hosts = new Set(sick.map(({ host }) => host))
  const [host] = hosts
  const others = recent.filter(end => !hosts.has(end.host))
  if (hosts.size === 1 && host !== undefined && others.length >= minOwners) return [onHost(host)]
  return [...new Set(sick.map(({ image }) => image))].map(onImage)
}

const usualOf = (before: RunEnd[]): number => {
  const sick = before.filter(isSick).length
  return (sick + prior.sick) / (before.length + prior.runs)
}

const isSick = ({ sick }: RunEnd): boolean => sick !== undefined

const isMore = (own: RunEnd[], before: RunEnd[]): boolean => {
  const hits = own.filter(isSick).length
  return tailOf({ n: own.length, hits, p: usualOf(before) }) <= chance
}

const sayKinds = (sick: RunEnd[]): string => {
  const panics = sick.filter(end => end.sick === 'panic').length
  const disks = sick.length - panics
  return [
    ...(panics > 0 ? [`${panics} of them with a kernel panic`] : []),
    ...(disks > 0 ? [`${disks} with errors of their disk`] : []),
  ].join(', ')
}

const sayPlace = ({ host, about }: Place): string =>
  host === undefined ? `guests of image ${about}` : `guests on host ${host}`

const remedyOf = ({ host, about }: Place): string =>
  host === undefined
    ? `look at the image: grapevine image verify ${about}; and at the consoles of these runs`
    : `look at its memory and disk: grapevine host verify; until then: grapevine host drain ${host} --reason "guests fail"`

const say = (place: Place, own: RunEnd[], usual: number): string => {
  const sick = own.filter(isSick)
  const percent = `${(100 * usual).toFixed(usual < 0.1 ? 1 : 0)} %`
  return `${sick.length} of ${own.length} runs of the last ${guestsWindowMs / 3_600_000} hours failed in ${sayPlace(place)} (${sayKinds(sick)}; usual are ${percent}); ${remedyOf(place)}`
}

/**
 * What ails guests now. `ends`: of some days, so that it can be told what is usual. `owners` keeps whose jobs are; give the same one again.
 * Throws the store's Faults.
 */
export const sickGuests = async (
  store: Store,
  given: { ends: RunEnd[]; now: Instant; owners: Owners },
): Promise<Found[]> => {
  const { ends, now, owners } = given
  const recent = ends.filter(end => now - end.endedAt < guestsWindowMs)
  const sick = recent.filter(isSick)
  const found: Found[] = []
  for (const place of placesOf(sick, recent)) {
    const here = sick.filter(place.isHere)
    const own = recent.filter(place.isHere)
    const before = ends.filter(end => !recent.includes(end) && place.isHere(end))
    const calm = isCalm(own, isSick, { now, windowMs: guestsWindowMs })
    if (calm || here.length < minOwners || !isMore(own, before)) continue
    const who = new Set<string>()
    for (const end of here) who.add(await ownerOf(store, end, owners))
    if (who.size < minOwners) continue
    found.push({ trouble, host: place.host, about: place.about, detail: say(place, own, usualOf(before)) })
  }
  return found
}

export const guestsOver =
  (ends: RunEnd[], now: Instant): Over =>
  ({ host, about }) => {
    const { isHere } = host === undefined ? onImage(about) : onHost(host)
    const calm = isCalm(ends.filter(isHere), isSick, { now, windowMs: guestsWindowMs })
    return calm ? 'its guests panic no more than usual, and their disks are well' : undefined
  }
