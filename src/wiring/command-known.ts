// What operators decide about known failures by mail.
import type { Request } from '../model/command.ts'
import type { KnownFailure } from '../model/known.ts'
import { sentence } from '../model/words.ts'
import { bugAddress, type Decision, decideKnown, shortIds } from '../stages/known/decide.ts'
import { nameOf, sayBug } from '../stages/known/say.ts'
import { oneLine } from '../text/clean.ts'
import { type Act, deny, done } from './command-series.ts'
import type { Wired } from './wire.ts'

type KnownRequest = Extract<Request, { do: 'known' }>

const maxShown = 40

const rowsOf = (known: KnownFailure[], short: (id: string) => string) =>
  known.slice(0, maxShown).map(one => ({
    id: short(one.id),
    name: nameOf(one),
    why: one.state.at === 'proposed' ? oneLine(one.state.why, 160) : '',
    message: oneLine(one.message, 100),
    bug: oneLine(sayBug(one), 200),
  }))

/** Of all projects: operators look after all of them. */
const list = async ({ store }: Wired): Promise<Act> => {
  const all = await store.knownFailures()
  const short = shortIds(all.map(({ id }) => id))
  const proposed = all.filter(({ state }) => state.at === 'proposed')
  const confirmed = all.filter(({ state }) => state.at === 'confirmed')
  return {
    how: 'done',
    what: 'was told what is known',
    template: 'answer-known',
    variables: {
      proposed: rowsOf(proposed, short),
      moreProposed: Math.max(0, proposed.length - maxShown),
      confirmed: rowsOf(confirmed, short),
      moreConfirmed: Math.max(0, confirmed.length - maxShown),
    },
  }
}

const decide = async (
  { store, clock }: Wired,
  id: string,
  { decision, by }: { decision: Decision; by: string },
): Promise<Act> => {
  const decided = await decideKnown(store)(id, decision, { by, when: clock.now() })
  if ('no' in decided) return deny(sentence(decided.no))
  const { known } = decided
  const did = { id: known.id, name: nameOf(known), bug: oneLine(sayBug(known), 500) }
  return done(`known failure ${known.id} is ${known.state.at}`, { kind: `known-${decision.do}`, ...did })
}

/** Repeatable. */
export const known = async (wired: Wired, request: KnownRequest, by: string): Promise<Act> => {
  switch (request.what) {
    case 'list':
      return list(wired)
    case 'reject':
      return decide(wired, request.id, { decision: { do: 'reject', why: 'by mail' }, by })
    case 'confirm': {
      const bug = request.bug === undefined ? undefined : bugAddress(request.bug)
      if (request.bug !== undefined && bug === undefined)
        return deny(
          `"${oneLine(request.bug, 100)}" is no address of a bug. Write it like https://bugs.example.org/123.`,
        )
      return decide(wired, request.id, { decision: { do: 'confirm', bug }, by })
    }
  }
}
