// Aliases: names that bugs have besides their numbers. Only the tracker knows which bug has one, so they are asked for before they are used.
import { z } from 'zod'
import { Fault } from '../../model/fault.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import { restOfAddress } from './address.ts'
import { isGone } from './fault.ts'
import type { Session } from './session.ts'

/** Bugzilla allows up to 40 characters, no comma or space, and no number; of these, what is safe in a path. */
const alias = /^[a-z][\w.-]{1,39}$/i

/** The alias in a word, or in an address `show_bug.cgi?id=ALIAS`; undefined: there is none. */
export const aliasIn = (base: string, name: string): string | undefined => {
  const short = name.trim()
  const rest = restOfAddress(base, short)
  const word = rest === undefined ? short : rest.path === 'show_bug.cgi' ? (rest.id ?? '') : ''
  return alias.test(word) ? word.toLowerCase() : undefined
}

const answer = z.object({ bugs: z.array(z.object({ id: z.number().int().positive() })) })

export type Aliases = {
  /** Of those that were asked for. */
  idOf(name: string): number | undefined
  /** Asks for those that are not known; at most 16. Faults: the session's. */
  learn(names: string[]): Promise<void>
}

/** One may be given, or taken away. */
const knownForMs: Millis = 24 * 3_600_000
const missingForMs: Millis = 3_600_000
const mostKept = 2_000
const mostAtOnce = 16

export const openAliases = (session: Session): Aliases => {
  const { config, clock, ask } = session
  const known = new Map<string, { id: number | undefined; at: Instant }>()
  const isKnown = (name: string): boolean => {
    const one = known.get(name)
    if (one === undefined) return false
    return clock.now() - one.at < (one.id === undefined ? missingForMs : knownForMs)
  }
  /** A word that somebody wrote in a patch, and that this server or one before it will not hear, must not hold up what others are told. */
  const isOfTheWord = async (error: unknown): Promise<boolean> =>
    error instanceof Fault &&
    (error.kind === 'refused' || error.kind === 'malformed') &&
    (await session.prove().then(
      () => true,
      () => false,
    ))
  const look = async (name: string): Promise<number | undefined> => {
    try {
      const query = { include_fields: 'id' }
      return (await ask({ method: 'GET', path: `bug/${name}`, query, answer })).value.bugs[0]?.id
    } catch (error) {
      if (isGone(error) || (await isOfTheWord(error))) return undefined
      throw error
    }
  }
  return {
    idOf(name) {
      const word = aliasIn(config.url, name)
      return word === undefined ? undefined : known.get(word)?.id
    },
    async learn(names) {
      const words = names.flatMap(name => aliasIn(config.url, name) ?? [])
      const unknown = [...new Set(words)].filter(word => !isKnown(word))
      if (known.size > mostKept) known.clear()
      for (const word of unknown.slice(0, mostAtOnce))
        known.set(word, { id: await look(word), at: clock.now() })
    },
  }
}
