// Writing down known failures: by a person, or by the bot from the history of flaky tests. What is proposed counts for nothing until a
// person confirms it.
import { type Flaky, flakyIn } from '../../model/flaky.ts'
import { type KnownFailure, type Pattern, propose, seenIn } from '../../model/known.ts'
import { exactly } from '../../model/name-glob.ts'
import { plural } from '../../model/words.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { contentId } from '../../text/digest.ts'

export const knownId = (project: string, pattern: Pattern, bug: string | undefined): string => {
  const { step = null, test, images, message } = pattern
  return `k${contentId(15, project, step, test, images, message, bug ?? null)}`
}

/** More wait for nobody: they are proposed when these are decided on. */
const maxOpen = 50

/** Samples of one image that are read at most, of patched and unpatched runs each. */
const maxSamples = 1000

const sayWhy = ({ rate, bases, authors }: Flaky): string => {
  const others = authors > 0 ? `, and with series of ${plural(authors, 'author')}` : ''
  return `failed in ${rate.failed} of ${rate.runs} runs without patches, on ${plural(bases, 'base')}${others}`
}

const proposalOf = (flaky: Flaky, { project, now }: { project: string; now: number }): KnownFailure => {
  const { step, test, images, message, rate, runs } = flaky
  const pattern = { step, test: exactly(test), images: images.map(exactly), message }
  // The same test with the same message is the same proposal, wherever it failed by now.
  const id = knownId(project, { ...pattern, images: [] }, undefined)
  const written = { ...pattern, id, project, bug: undefined, seen: seenIn(undefined, runs) }
  return propose(written, { why: sayWhy(flaky), rate, now })
}

type Ports = { store: Pick<Store, 'samples' | 'knownFailures' | 'addKnown'>; clock: Clock }

/** Proposes what history shows to be flaky, each once. Repeatable; returns what is new. Throws the store's Faults. */
export const proposeFlaky =
  ({ store, clock }: Ports) =>
  async (of: { project: string; images: string[]; bases: number }): Promise<KnownFailure[]> => {
    const { project, images, bases } = of
    const known = await store.knownFailures({ project })
    const room = maxOpen - known.filter(({ state }) => state.at === 'proposed').length
    if (room <= 0) return []
    const samples = []
    for (const image of images)
      for (const patched of [false, true])
        samples.push(...(await store.samples({ project, image, patched, limit: maxSamples })))
    const found: KnownFailure[] = []
    for (const flaky of flakyIn(samples, { known, bases }).slice(0, room)) {
      const proposal = proposalOf(flaky, { project, now: clock.now() })
      if (await store.addKnown(proposal)) found.push(proposal)
    }
    return found
  }
