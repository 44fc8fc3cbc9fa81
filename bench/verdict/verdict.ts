// `npm run bench -- verdict`: how often a judge blames the innocent, and lets the guilty go, in a world where the truth is known; and what that
// costs. Ours beside two that most projects have, on the same first runs. Fixed seeds: the same figures on every machine.

import { fileURLToPath } from 'node:url'
import { readConfig } from '../../src/config/load.ts'
import type { ProofPolicy } from '../../src/model/proof-policy.ts'
import { type Bench, median, row } from '../row.ts'
import { compareOnce, guilty, retryThrice, type Said } from './naive.ts'
import { type History, ours, type RunAsked, sampleOf } from './ours.ts'
import {
  habits,
  makeWorld,
  perform,
  type RunResult,
  randomFrom,
  type SeriesTruth,
  type World,
} from './world.ts'

const demoConfig = fileURLToPath(new URL('../../examples/demo/grapevine.yaml', import.meta.url))
const seeds = [1, 2, 3, 4, 5]

type Score = {
  falsely: number
  sure: { all: number; missed: number }
  seldom: { all: number; missed: number }
  undecided: number
  extraMs: number
  runs: number
}

const newScore = (): Score => ({
  ...{ falsely: 0, undecided: 0, extraMs: 0, runs: 0 },
  ...{ sure: { all: 0, missed: 0 }, seldom: { all: 0, missed: 0 } },
})

const count = (score: Score, series: SeriesTruth, said: Said): void => {
  const isGuilty = ({ image, test }: Said['blamed'][number]) => guilty(series, image, test) !== undefined
  const found = said.blamed.some(isGuilty)
  if (said.blamed.some(one => !isGuilty(one))) score.falsely++
  if (said.unclear && !found) score.undecided++
  const [breaking] = series.breaks
  if (breaking) {
    const kind = breaking.rate < 1 ? score.seldom : score.sure
    kind.all++
    if (!found) kind.missed++
  }
  score.extraMs += said.extraMs
  score.runs += said.runs
}

type Scores = {
  compare: Score
  retry: Score
  ours: Score
  oneRunMs: number
  rounds: number[]
  by: Map<string, number>
}

/** Bases that were tested before the first series came. */
const earlierBases = 10

const play = (seed: number, policy: ProofPolicy, scores: Scores): void => {
  const world: World = makeWorld(seed)
  const random = randomFrom(seed * 7919 + 1)
  const { images, hosts, tests } = world.size
  const settle = (asked: RunAsked): RunResult => {
    let ms = 0
    for (;;) {
      const host = hosts[Math.floor(random() * hosts.length)] ?? ''
      const result = perform(world, { ...asked, host }, random)
      ms += result.ms
      if (!result.ours) return { ...result, ms }
    }
  }
  const history: History = new Map(images.map(image => [image, []]))
  const baseline = (base: number): Map<string, RunResult> => {
    const truth: SeriesTruth = {
      id: '',
      at: Math.max(-1, base * habits.perBase),
      base,
      author: '',
      breaks: [],
      concerned: [],
    }
    return new Map(
      images.map(image => {
        const result = settle({ series: truth, patched: false, image, builtAt: -1 })
        const id = `b${base}-${image}`
        history.get(image)?.unshift(sampleOf({ id, image, base, failed: result.failed, count: tests }))
        return [image, result]
      }),
    )
  }
  for (let n = earlierBases; n > 0; n--) baseline(-n)
  let base = new Map<string, RunResult>()
  const suiteMs = world.testMs.reduce((sum, ms) => sum + ms, 0)
  for (const series of world.series) {
    if (series.at % habits.perBase === 0) base = baseline(series.base)
    const asked = (image: string) => ({ series, patched: true, image, builtAt: series.at })
    const first = new Map(images.map(image => [image, settle(asked(image))]))
    scores.oneRunMs += habits.buildMs + images.length * (habits.cloneMs + suiteMs)
    count(scores.compare, series, compareOnce(world, first, base))
    count(
      scores.retry,
      series,
      retryThrice(world, first, base, (image, only) => settle({ ...asked(image), only })),
    )
    const said = ours({ world, series, first, base, history, policy, run: settle })
    count(scores.ours, series, said)
    scores.rounds.push(said.rounds)
    for (const [what, ms] of said.by) scores.by.set(what, (scores.by.get(what) ?? 0) + ms)
  }
}

const rowsOf = (
  name: string,
  score: Score,
  { oneRunMs, all }: { oneRunMs: number; all: number },
  goals: boolean,
) => {
  const share = (part: number, of: number) => (of === 0 ? 0 : (100 * part) / of)
  const goal = (less: number) => (goals ? ([{ less }] as const) : ([] as const))
  return [
    row(`${name}: series blamed falsely`, share(score.falsely, all), '%', ...goal(0.1)),
    row(
      `${name}: breaks that always show, missed`,
      share(score.sure.missed, score.sure.all),
      `% of ${score.sure.all}`,
      ...goal(1),
    ),
    row(
      `${name}: breaks at 30 %, missed`,
      share(score.seldom.missed, score.seldom.all),
      `% of ${score.seldom.all}`,
      ...goal(5),
    ),
    row(`${name}: undecided`, share(score.undecided, all), '%'),
    row(
      `${name}: more clone time than one run of everything`,
      share(score.extraMs, oneRunMs),
      '%',
      ...goal(15),
    ),
    row(`${name}: extra runs`, score.runs / all, 'per series'),
  ]
}

export const verdict: Bench = async () => {
  const { config } = await readConfig({ file: demoConfig, env: process.env, repositories: 'later' })
  const policy = config.projects[0]?.proof
  if (!policy) throw new Error('the demo has no project')
  const scores: Scores = {
    compare: newScore(),
    retry: newScore(),
    ours: newScore(),
    oneRunMs: 0,
    rounds: [],
    by: new Map(),
  }
  for (const seed of seeds) {
    play(seed, policy, scores)
    console.error(`seed ${seed}: ${scores.ours.falsely} blamed falsely so far`)
  }
  const all = scores.rounds.length
  const per = { oneRunMs: scores.oneRunMs, all }
  return [
    row('series', all, 'series'),
    ...rowsOf('compared with one run', scores.compare, per, false),
    ...rowsOf('retried three times', scores.retry, per, false),
    ...rowsOf('ours', scores.ours, per, true),
    ...[...scores.by].map(([what, ms]) => row(`ours: of it ${what}`, (100 * ms) / scores.oneRunMs, '%')),
    row('ours: rounds of proof, median', median(scores.rounds), 'rounds'),
  ]
}
