// The numbers behind a ruling, in words: how often it failed with the patch, without it, and before.
import type { Trials } from '../../model/history.ts'
import type { Proof } from '../../model/verdict.ts'

const nothing: Trials = { failed: 0, runs: 0 }

const add = (a: Trials, b: Trials = nothing): Trials => ({
  failed: a.failed + b.failed,
  runs: a.runs + b.runs,
})

/** Of one failure on several images. undefined where none has any. */
export const together = (proofs: (Proof | undefined)[]): Proof | undefined =>
  proofs.reduce(
    (sum, one) =>
      one === undefined
        ? sum
        : {
            with: add(one.with, sum?.with),
            without: add(one.without, sum?.without),
            ...(one.history || sum?.history ? { history: add(one.history ?? nothing, sum?.history) } : {}),
          },
    undefined as Proof | undefined,
  )

const sayTrials = ({ failed, runs }: Trials): string => `${failed} of ${runs}`

const runs = ({ runs }: Trials): string => (runs === 1 ? 'run' : 'runs')

/** `in 6 of 6 runs with your patch and in 0 of 6 without`; '' where nothing was counted. Runs from before are named where there are no others. */
export const sayProof = (proof: Proof | undefined, thing: string): string => {
  if (proof === undefined || proof.with.runs === 0) return ''
  const { with: patched, without, history = nothing } = proof
  const said = `in ${sayTrials(patched)} ${runs(patched)} with your ${thing}`
  if (without.runs > 0) return `${said} and in ${sayTrials(without)} without`
  if (history.failed > 0) return `${said} and in ${sayTrials(history)} earlier ones without`
  // How many they are depends on what else was tested meanwhile.
  if (history.runs > 0) return `${said} and never without`
  return said
}

/** `6/6 with, 0/6 without, 1/40 before`, for tables. */
export const shortProof = (proof: Proof | undefined): string => {
  if (proof === undefined) return ''
  const parts: [Trials | undefined, string][] = [
    [proof.with, 'with'],
    [proof.without, 'without'],
    [proof.history, 'before'],
  ]
  return parts
    .flatMap(([trials, word]) =>
      trials && trials.runs > 0 ? [`${trials.failed}/${trials.runs} ${word}`] : [],
    )
    .join(', ')
}

/** `failed again 3 of 12 times with it, 4 of 12 without`: shorter, for a line among others. '' where nothing was counted. The run that put it
 *  in doubt is not counted: it was looked at because it failed. */
export const timesOf = (proof: Proof | undefined): string => {
  if (proof === undefined) return ''
  const { with: patched, without, history = nothing } = proof
  const said = [
    ...(patched.runs > 0 ? [`failed again ${sayTrials(patched)} times with it`] : []),
    ...(without.runs > 0 ? [`${sayTrials(without)} without`] : []),
    ...(without.runs === 0 && history.runs > 0 ? [`${sayTrials(history)} before`] : []),
  ]
  return patched.runs === 0 && said.length > 0 ? `failed ${said.join(', ')}` : said.join(', ')
}

export const sameProof = (a: Proof | undefined, b: Proof | undefined): boolean =>
  JSON.stringify([a?.with, a?.without]) === JSON.stringify([b?.with, b?.without])
