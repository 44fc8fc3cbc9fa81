// A build task with `each`: in one clone, patch after patch of a series is applied and built, to see after which of them the tree does not
// build. What the compiler made for one patch stands for the next, so that it costs little more than one build.

import type { Millis } from '../../model/instant.ts'
import type { BrokenMiddle, Outcome } from '../../model/job.ts'
import { maxWalked } from '../../model/walk.ts'
import { applyMails, type BuildInput, bringMails, makeTree } from './build.ts'
import { applied } from './guest.ts'

/** After so many the rest tells nobody anything new. */
const maxBroken = 3

export type WalkInput = BuildInput & {
  /** Until it is stopped. */
  leftMs: () => Millis
}

/** What must be left for one more patch. */
const oneMs = ({ job }: BuildInput): Millis =>
  job.recipe.build.steps.reduce((sum, step) => sum + step.timeoutMs, 120_000)

/** All but the last, which the first build has built. Whatever ends otherwise than by itself is ours. Throws the farm's Faults. */
export const walk = async (input: WalkInput): Promise<Outcome> => {
  const mails = applied(input.job)
  const own = mails.filter(({ before }) => before === undefined)
  if (own.length > maxWalked) return { kind: 'walked', broken: [], looked: 0 }
  await bringMails(mails, input)
  const ground = mails.filter(({ before }) => before !== undefined)
  const stopped = await applyMails(ground, own, input)
  if (stopped) return stopped
  const broken: BrokenMiddle[] = []
  for (const [index, one] of own.slice(0, -1).entries()) {
    if (broken.length >= maxBroken || input.leftMs() < oneMs(input))
      return { kind: 'walked', broken, looked: index }
    input.journal.note(`patch ${one.label} of ${own.length}`)
    const refused = await applyMails([one], own.slice(index + 1), input)
    if (refused) return refused
    const { failed } = await makeTree(input)
    if (failed?.kind === 'ours') return failed
    if (failed?.kind !== 'build-failed') continue
    const { step, errors, plain } = failed
    if (step.ending.kind !== 'finished')
      return {
        kind: 'ours',
        what: step.ending.kind,
        detail: `in step "${step.name}" after patch ${one.label}`,
      }
    const { position, title } = one.mail
    broken.push({ position, title, step: step.name, errors, ...(plain ? { plain } : {}) })
  }
  return { kind: 'walked', broken }
}
