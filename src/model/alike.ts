// Are failures alike in series of authors who have nothing to do with each other? Then they are our fault until proven otherwise. Pure.
//
// Each of them was proven by itself, but what proves it has one thing in common: our machines, images and clocks. A host that builds wrongly,
// or a disk that is full only with patches in the tree, gives every patched tree the same failure. So failures that are alike wait once,
// whatever their numbers, and the series are run again, against a base that is built and run anew, rather on another host. What fails
// then is the patches' doing: it is told, and later series with the same failure are not held back for it. Two people who break the same
// popular test are too few; three of them wait for an hour or two, once.
//
// By chance: where `authors` is 3 and ten authors an hour break something in a suite of 2,000 tests, three of them hit the same test within
// two hours about once in 3,500 windows; so a test that is hit much more often is popular, or it is us.

import type { Blame } from './blame.ts'
import { tailOf } from './chance.ts'
import type { Incident } from './incident.ts'
import type { Instant, Millis } from './instant.ts'

export type AlikeRules = {
  /** So many, of whom no two have to do with each other, */
  authors: number
  /** within that time. */
  withinMs: Millis
  /** All of the trouble `alike-failures`, the oldest first; resolved ones as well. */
  incidents?: Incident[]
  /** Which share of the runs of that time each host had; undefined: not known. */
  shares?: Record<string, number>
  now: Instant
}

export type Alike = {
  /** The same for the same failures: an incident is about it. */
  about: string
  /** undefined: on more than one host. */
  host: string | undefined
  /** Those that are alike, in order of time. */
  blames: Blame[]
  authors: number
}

/** What an operator, or a second proof, has found real is not held back for so long. */
export const realMs: Millis = 7 * 86_400_000

/** A message that different tests may have in common by chance says nothing: `expected # got #`. */
const isTelling = (sign: string): boolean => (sign.match(/[a-z]{3,}/gi) ?? []).length >= 4

type Key = { what: string /** So many times as many authors are wanted. */; weight: number }

const keysOf = ({ step, test, sign }: Blame): Key[] => {
  const where = `of step "${step}"`
  if (test === '') return [{ what: `"${sign}" ${where}`, weight: 1 }]
  const same = [{ what: `test "${test.slice(0, 120)}" ${where}`, weight: 1 }]
  return isTelling(sign) ? [...same, { what: `"${sign.slice(0, 120)}"`, weight: 2 }] : same
}

const placesOf = ({ image, host, base }: Blame): string[] => [
  `on image ${image}`,
  `on host ${host}`,
  `on base ${base.slice(0, 12)}`,
]

const stormOn = ({ project, host }: Blame): string => `${project}: many failures on host ${host}`

type Group = { head: string; about: string; weight: number }

const groupsOf = (blame: Blame): Group[] =>
  keysOf(blame).flatMap(({ what, weight }) =>
    placesOf(blame).map(place => {
      const head = `${blame.project}: ${what} `
      return { head, about: `${head}${place}`, weight }
    }),
  )

/** How the `about` of incidents begins that this failure belongs to, wherever it was. */
export const headsOf = (blame: Blame): string[] => [
  ...new Set([...groupsOf(blame).map(({ head }) => head), stormOn(blame)]),
]

export const isAbout = ({ about }: Incident, blame: Blame): boolean =>
  headsOf(blame).some(head => about.startsWith(head))

/** Was the series that fails so run again for that incident? What it did on a host once, it may do on another. */
export const confirms = (incident: Incident, blame: Blame): boolean =>
  incident.about.startsWith(`${blame.project}: many failures on host `) || isAbout(incident, blame)

const isConfirmed = (blame: Blame, head: string): boolean => blame.confirmed?.includes(head) === true

/** Does a verdict with that failure wait for the end of that incident? Not one that was run again for it. */
export const waitsFor = ({ about }: Incident, blame: Blame): boolean =>
  headsOf(blame).some(head => about.startsWith(head) && !isConfirmed(blame, head))

/** How many of them have nothing to do with each other: versions of one series, series that need each other and series of one author are one. */
export const authorsOf = (blames: Blame[]): number => {
  const above = new Map<string, string>()
  const top = (key: string): string => {
    let at = key
    for (let next = above.get(at); next !== undefined && next !== at; next = above.get(at)) at = next
    return at
  }
  const join = (one: string, other: string) => {
    const [a, b] = [top(one), top(other)]
    above.set(a, b)
    above.set(b, b)
  }
  for (const { author, series, kin = [] } of blames)
    for (const key of [`a ${author.toLowerCase()}`, ...kin.map(id => `s ${id}`)]) join(key, `s ${series}`)
  return new Set(blames.map(({ series }) => top(`s ${series}`))).size
}

/** The newest incident about that. */
export const lastAbout = (incidents: Incident[], head: string): Incident | undefined =>
  incidents.findLast(({ about }) => about.startsWith(head))

/** Is the failure one for which the incident made series wait? */
export const heldBy = ({ since, resolved }: Incident, { at }: Blame, withinMs: Millis): boolean =>
  at >= since - withinMs && (resolved === undefined || at <= resolved.at)

const isReal = ({ incidents = [], now }: AlikeRules, all: Blame[], head: string): boolean => {
  const resolved = lastAbout(incidents, head)?.resolved
  return (
    (resolved?.real === true && now - resolved.at <= realMs) ||
    all.some(blame => isConfirmed(blame, head) && now - blame.at <= realMs)
  )
}

/** Those of the same time, after whatever was the matter the last time. */
const near = (all: Blame[], own: Blame, head: string, rules: AlikeRules): Blame[] => {
  const over = lastAbout(rules.incidents ?? [], head)?.resolved?.at ?? Number.NEGATIVE_INFINITY
  return all.filter(
    ({ at, project }) =>
      project === own.project && at > over && at <= own.at && own.at - at <= rules.withinMs,
  )
}

/** By chance, so rarely would failures gather on one host as they do. */
const stormChance = 0.001

/** Different failures, but on one host: many more than its share of the runs explains. */
const stormOf = (own: Blame, all: Blame[], rules: AlikeRules): Alike | undefined => {
  const about = stormOn(own)
  const p = rules.shares?.[own.host]
  // Builds are not in the shares.
  if (p === undefined || p <= 0 || p >= 0.999 || own.builtOn === undefined) return undefined
  const tests = near(all, own, about, rules).filter(
    blame => blame.builtOn !== undefined && !blame.confirmed?.length,
  )
  const here = tests.filter(({ host }) => host === own.host)
  const elsewhere = [...Map.groupBy(tests, ({ host }) => host)].filter(([host]) => host !== own.host)
  const hits = authorsOf(here)
  const n = hits + elsewhere.reduce((sum, [, blames]) => sum + authorsOf(blames), 0)
  if (hits < 2 * rules.authors || tailOf({ n, hits, p }) > stormChance) return undefined
  return { about, host: own.host, blames: here, authors: hits }
}

const oneHost = (blames: Blame[]): string | undefined => {
  const hosts = new Set(blames.map(({ host }) => host))
  return hosts.size === 1 ? blames[0]?.host : undefined
}

/** The first reason to hold the verdict with these `blames` back; `all` are those of the project, these among them. */
export const alike = (blames: Blame[], all: Blame[], rules: AlikeRules): Alike | undefined => {
  const placed = all.flatMap(blame => groupsOf(blame).map(({ about }) => ({ about, blame })))
  const groups = Map.groupBy(placed, ({ about }) => about)
  for (const own of blames) {
    for (const { head, about, weight } of groupsOf(own)) {
      const same = near(
        (groups.get(about) ?? []).map(({ blame }) => blame),
        own,
        head,
        rules,
      )
      const authors = authorsOf(same)
      if (authors < rules.authors * weight || isReal(rules, all, head)) continue
      return { about, host: oneHost(same), blames: same, authors }
    }
    const storm = isConfirmed(own, stormOn(own)) ? undefined : stormOf(own, all, rules)
    if (storm) return storm
  }
  return undefined
}
