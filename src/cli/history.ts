// `grapevine history`: how often each test fails by itself, as numbers.
import { Command } from 'commander'
import type { Config, ProjectConfig } from '../config/config.ts'
import { UsageError } from '../model/fault.ts'
import { failureRates, ofLastBases, type Rate } from '../model/history.ts'
import { matchesName } from '../model/name-glob.ts'
import type { Store } from '../ports/store.ts'
import type { CliDeps } from './deps.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayInstant } from './when.ts'

type Options = {
  test?: string
  image?: string
  branch?: string
  flaky?: boolean
  bases?: string
  json?: boolean
}

const maxSamples = 20_000

/** `3.3 %`; without a fraction where it says nothing. */
export const sayShare = ({ failed, runs }: { failed: number; runs: number }): string => {
  const share = (100 * failed) / Math.max(1, runs)
  return `${share > 0 && share < 10 ? share.toFixed(1) : Math.round(share)} %`
}

const countOf = (text: string | undefined, fallback: number): number => {
  if (text === undefined) return fallback
  const count = Number(text)
  if (Number.isInteger(count) && count > 0) return count
  throw new UsageError(`--bases: "${text}" is no number of bases`, 'Write it like --bases 10')
}

const isWanted = ({ test, step, failed, runs }: Rate, { test: glob, flaky }: Options): boolean =>
  (glob === undefined || matchesName(test === '' ? step : test, glob)) && (!flaky || failed < runs)

const rowOf = ({ failed, runs, image, step, test, last }: Rate): string[] => [
  `${failed}/${runs}`,
  sayShare({ failed, runs }),
  image,
  step,
  `${last.base.slice(0, 12)} ${sayInstant(last.at)}`,
  test === '' ? '(the step itself)' : test,
]

/** Every image has its share of the newest bases, so that one that was not tested lately is not lost among the others. */
const ratesIn = async (
  store: Store,
  project: string,
  given: { image: string | undefined; branch: string | undefined; bases: number },
) => {
  const { image, branch, bases } = given
  const of = image === undefined ? {} : { image }
  const read = await store.samples({ project, ...of, patched: false, limit: maxSamples })
  const all = branch === undefined ? read : read.filter(({ baseName = branch }) => baseName === branch)
  const images = [...Map.groupBy(all, one => one.image).values()]
  const samples = images.flatMap(own => ofLastBases(own, bases))
  return {
    rates: failureRates(samples),
    bases: new Set(samples.map(({ base }) => base)).size,
    runs: new Set(samples.map(({ run }) => run)).size,
  }
}

/** Throws UsageError with the names that there are. */
export const projectCalled = ({ projects }: Config, name: string): ProjectConfig => {
  const found = projects.find(project => project.name === name)
  if (found) return found
  const names = projects.map(project => project.name).join(', ')
  throw new UsageError(`there is no project "${name}"`, `There is ${names}`)
}

const show = async (deps: CliDeps, name: string, options: Options): Promise<void> => {
  const project = projectCalled(await deps.config({ repositories: 'later', secrets: 'later' }), name)
  const branches = [project.recipe.branch, ...project.branches.map(({ branch }) => branch)]
  if (options.branch !== undefined && !branches.includes(options.branch))
    throw new UsageError(
      `${name} has no branch "${options.branch}" here`,
      `There are ${[...new Set(branches)].join(', ')}`,
    )
  const most = countOf(options.bases, project.proof.bases)
  await withStore(deps, async store => {
    const { image, branch } = options
    const { rates, bases, runs } = await ratesIn(store, project.name, { image, branch, bases: most })
    const wanted = rates.filter(rate => isWanted(rate, options))
    if (options.json) {
      for (const rate of wanted) deps.stdout.write(`${JSON.stringify(rate)}\n`)
      return
    }
    const of = `${runs} ${runs === 1 ? 'run' : 'runs'} on ${bases} unpatched ${bases === 1 ? 'base' : 'bases'}`
    if (runs === 0) return void deps.stdout.write('nothing was tested without patches yet\n')
    if (wanted.length === 0) return void deps.stdout.write(`nothing like that failed in ${of}\n`)
    const heading = ['failed/runs', 'share', 'image', 'step', 'last', 'test']
    deps.stdout.write(`${table([heading, ...wanted.map(rowOf)])}\n${of}\n`)
  })
}

export const history = (deps: CliDeps): Command =>
  new Command('history')
    .description(
      'Shows how often tests failed without any patch: on the last bases of a project, and beside series that were proven. What never failed is not listed; what always fails is no news to anybody.',
    )
    .argument('<project>')
    .option('--test <glob>', 'only tests of such names')
    .option('--image <name>', 'only on this image')
    .option('--branch <name>', 'only on bases of this branch (default: on all)')
    .option('--flaky', 'only what also passed')
    .option('--bases <count>', 'so many bases (default: proof.bases of the project)')
    .option('--json', 'JSON lines')
    .addHelpText('after', "\nExample:\n  $ grapevine history wine --flaky --test 'd3d*'")
    .action((project: string, options: Options) => show(deps, project, options))
