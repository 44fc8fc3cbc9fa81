// What people decide about known failures, on the command line or by mail: the same rules, said in the same words.

import type { Instant } from '../../model/instant.ts'
import { confirm, type KnownFailure, reject, retire, withAlways, withBug } from '../../model/known.ts'
import { changeKnown, type KnownStore } from './change.ts'

export type Decision =
  | { do: 'confirm'; bug?: string | undefined; always?: boolean }
  | { do: 'reject' | 'retire'; why: string }
  | { do: 'bug'; bug: string }

/** `no` says why not, in a sentence without its full stop. */
export type Decided = { known: KnownFailure } | { no: string }

const shortest = 6

/** Ids as short as they can be without one meaning two. */
export const shortIds = (ids: string[]): ((id: string) => string) => {
  const isClear = (length: number) => new Set(ids.map(id => id.slice(0, length))).size === new Set(ids).size
  let length = shortest
  while (length < 16 && !isClear(length)) length += 1
  return id => id.slice(0, length)
}

/** The one whose id begins so. */
export const findKnown = (all: KnownFailure[], id: string): Decided => {
  const wanted = id.trim().toLowerCase()
  const found = /^k[0-9a-f]*$/.test(wanted) ? all.filter(one => one.id.startsWith(wanted)) : []
  const [known, ...more] = found
  if (known === undefined) return { no: `there is no known failure ${id}` }
  if (more.length === 0 || known.id === wanted) return { known }
  return {
    no: `${found.length} known failures begin with ${id}: ${found
      .map(one => one.id)
      .slice(0, 5)
      .join(', ')}`,
  }
}

const maxBug = 500

/** An address that people can open; undefined: it is none. */
export const bugAddress = (text: string): string | undefined => {
  const plain = text.trim().replace(/^<(.*)>$/, '$1')
  if (plain.length > maxBug || !/^https?:\/\/[^\s/]+\/\S+$/i.test(plain) || !URL.canParse(plain))
    return undefined
  const { username, password, href } = new URL(plain)
  return username === '' && password === '' ? href : undefined
}

const isSame = (known: KnownFailure, bug: string | undefined): boolean =>
  bug === undefined || bug === known.bug

/** What is so already is well. */
const next = (
  known: KnownFailure,
  decision: Decision,
  { by, when }: { by: string; when: Instant },
): Decided => {
  const { id, state } = known
  const changed = (() => {
    switch (decision.do) {
      case 'confirm':
        return (
          confirm(known, { by, when, bug: decision.bug, ...(decision.always ? { always: true } : {}) }) ??
          (decision.always && isSame(known, decision.bug) ? withAlways(known) : undefined)
        )
      case 'reject':
        return reject(known, { by, when, why: decision.why })
      case 'retire':
        return retire(known, { when, why: `${decision.why} (${by})` })
      case 'bug':
        return withBug(known, decision.bug)
    }
  })()
  if (changed) return { known: changed }
  if (decision.do === 'retire' && state.at !== 'retired')
    return { no: `${id} is ${state.at}: only what is confirmed can be retired` }
  if (decision.do !== 'confirm') return { known }
  if (known.bug === undefined) return { no: `${id} has no bug yet, and cannot be confirmed without one` }
  if (!isSame(known, decision.bug)) return { no: `${id} is confirmed already, with the bug ${known.bug}` }
  return { known }
}

/** Does what a person decided about the one whose id begins so. Repeatable. Throws the store's Faults. */
export const decideKnown =
  (store: KnownStore) =>
  async (id: string, decision: Decision, how: { by: string; when: Instant }): Promise<Decided> => {
    const found = findKnown(await store.knownFailures(), id)
    if ('no' in found) return found
    let said: Decided = found
    await changeKnown(store, found.known.id, known => {
      said = next(known, decision, how)
      return 'known' in said ? said.known : undefined
    })
    return said
  }
