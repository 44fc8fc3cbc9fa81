// `npm run bench -- verdict-guests`: the whole of Grapevine on real guests, with real programs that throw dice: a hundred series of which some break
// something, tests that fail by themselves, and what it says of each.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Verdict } from '../../src/model/verdict.ts'
import { type Bench, row } from '../row.ts'
import { makeRealProject, type RealSeries } from './real-project.ts'

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const count = Number(process.env.GRAPEVINE_BENCH_SERIES ?? 100)

type Line = { parts: { messageId?: string }[]; verdict: Verdict | null }

/** Progress goes to stderr; gives what is printed when all is over. */
const replay = (config: string, mailbox: string): Promise<Line[]> =>
  new Promise((resolve, reject) => {
    const child = execFile(
      at('../../bin/grapevine'),
      ['replay', '--config', config, '--json', mailbox],
      { maxBuffer: 1024 ** 3 },
      (error, stdout) =>
        error
          ? reject(error)
          : resolve(stdout.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line)]))),
    )
    child.stderr?.pipe(process.stderr)
  })

const judgeLine = ({ unit, rate }: RealSeries, verdict: Verdict | null) => {
  const images = verdict?.images ?? []
  const blamed = images.flatMap(({ newFailures }) => newFailures.map(({ test }) => test))
  const found = rate > 0 && blamed.includes(unit)
  const seen = [...images.flatMap(({ flaky = [], unclear = [] }) => [...flaky, ...unclear])]
  return {
    falsely:
      blamed.some(test => test !== unit || rate === 0) || images.some(({ broken }) => broken.length > 0),
    found,
    undecided: !found && images.some(({ unclear = [] }) => unclear.length > 0),
    shown: found || seen.some(({ test }) => test === unit),
    untold: verdict === null || !['all-well', 'new-failures'].includes(verdict.finding.kind),
    runs: verdict?.extra?.runs ?? 0,
  }
}

export const verdictGuests: Bench = async () => {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-verdicts-'))
  try {
    const farm = at('../../.grapevine/farm')
    const { config, mailbox, series } = makeRealProject(folder, { series: count, seed: 5, farm })
    const lines = await replay(config, mailbox)
    const told = series.map(one => {
      const line = lines.find(({ parts }) => parts.some(part => part.messageId === one.messageId))
      return { ...one, ...judgeLine(one, line?.verdict ?? null) }
    })
    for (const one of told)
      if (one.falsely || one.untold || (one.rate > 0 && !one.found)) console.error(JSON.stringify(one))
    const sure = told.filter(({ rate }) => rate === 1000)
    const seldom = told.filter(({ rate }) => rate === 300)
    const missed = (of: typeof told) => of.filter(({ found }) => !found).length
    return [
      row('series', told.length, 'series'),
      row('blamed falsely', told.filter(({ falsely }) => falsely).length, 'series', { less: 0 }),
      row('breaks that always show: missed', missed(sure), `of ${sure.length}`, { less: 0 }),
      row('breaks at 30 %: missed', missed(seldom), `of ${seldom.length}`),
      row('undecided', told.filter(({ undecided }) => undecided).length, 'series'),
      row('without a verdict', told.filter(({ untold }) => untold).length, 'series', { less: 0 }),
      row('extra runs', told.reduce((sum, { runs }) => sum + runs, 0) / told.length, 'runs per series'),
    ]
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
