// A webhook of ours on its way: what follows of an answer, or of none. Beside the flow.
//
//   pending ──2xx──▶ sent
//      └──anything else──▶ pending, later (over a day) ──tried for a day, or 410──▶ failed ──an operator──▶ pending
import type { HookDelivery } from '../../model/access.ts'
import type { Instant, Millis } from '../../model/instant.ts'

type State = HookDelivery['state']

const minute: Millis = 60_000
const hour = 60 * minute

/** After the first try, the second …; together a day. */
export const retryMs: readonly Millis[] = [
  ...[5_000, minute, 5 * minute, 30 * minute, 2 * hour, 4 * hour, 6 * hour, 12 * hour],
]

/** A receiver cannot put us off for longer. */
const mostMs = 12 * hour

export type Came =
  | { on: 'answered'; status: number; retryAfterMs: Millis | undefined }
  | { on: 'unreachable'; why: string }

const gone = 410

/** Where an answer takes it. */
export const nextDelivery = (
  { tries }: Extract<State, { at: 'pending' }>,
  came: Came,
  now: Instant,
): State => {
  if (came.on === 'answered' && came.status >= 200 && came.status < 300)
    return { at: 'sent', when: now, status: came.status }
  const why = came.on === 'answered' ? `the receiver answered ${came.status}` : came.why
  const wait = retryMs[tries]
  if (wait === undefined || (came.on === 'answered' && came.status === gone))
    return { at: 'failed', when: now, why }
  const asked = came.on === 'answered' ? Math.min(came.retryAfterMs ?? 0, mostMs) : 0
  return { at: 'pending', tries: tries + 1, notBefore: now + Math.max(wait, asked), why }
}

/** So long the rest waits for a receiver that does not answer. */
const postponeMs = minute

/** Another one to the same receiver was not taken: this one is not tried now, and it counts as no try. */
export const postponed = (state: Extract<State, { at: 'pending' }>, now: Instant): State => ({
  ...state,
  notBefore: Math.max(state.notBefore, now + postponeMs),
})

/** By an operator: from the beginning. undefined: it is out already. */
export const again = (state: State, now: Instant): State | undefined =>
  state.at === 'sent' ? undefined : { at: 'pending', tries: 0, notBefore: now }
