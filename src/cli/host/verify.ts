// `grapevine host verify`: does everything that tasks rely on work on this host, with its kernel, QEMU and processor?
import { availableParallelism } from 'node:os'
import { Command, InvalidArgumentError } from 'commander'
import type { Config } from '../../config/config.ts'
import type { Kept } from '../../farm/qualify/record.ts'
import { Fault } from '../../model/fault.ts'
import type { CliDeps } from '../deps.ts'
import { exitCode } from '../exit.ts'
import { withStore } from '../stored.ts'

type Options = {
  rounds: number
  forks: number
  load?: boolean
  image?: string
  last?: boolean
  json?: boolean
}

const whole = (least: number) => (text: string) => {
  const value = Number(text)
  if (/^\d{1,6}$/.test(text) && value >= least) return value
  throw new InvalidArgumentError(`It must be a whole number from ${least} on.`)
}

const qualify = async (deps: CliDeps, config: Config, options: Options): Promise<Kept> => {
  const { verifyHost } = await import('../../farm/qualify/verify.ts')
  const { show: makeShow } = await import('../demo/show.ts')
  const { data, images, accelerator, user, reserveMiB } = config.farm
  const show = makeShow(options.json ? deps.stderr : deps.stdout)
  try {
    return await verifyHost({
      ...{ folder: data, images, accelerator, user, reserveMiB, signal: deps.signal },
      ...{ rounds: options.rounds, forks: options.forks, soakImage: options.image },
      load: options.load ? availableParallelism() : 0,
      progress: show.status,
      tell: show.line,
    })
  } finally {
    show.end()
  }
}

/** The incident of an unfit host is opened or closed by whoever finds out; without the database the answer counts all the same. */
const note = async (deps: CliDeps, { host }: Config, { report }: Kept): Promise<void> => {
  const { openAlarm } = await import('../../wiring/alarm.ts')
  const { systemClock } = await import('../../adapters/clock/system.ts')
  const { unfit } = await import('../../farm/qualify/fitness.ts')
  const trouble = 'host-unqualified'
  const log = () => {}
  try {
    await withStore(deps, async store => {
      const alarm = openAlarm({ store, clock: systemClock, log }, host)
      if (report.accelerator === undefined) await alarm.raise(trouble, host, unfit(report.answers))
      else await alarm.clear(trouble, host, `qualified with ${report.accelerator.toUpperCase()}`)
    })
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    deps.stderr.write(`grapevine: warning: the incident could not be noted: ${error.message}\n`)
  }
}

const print = async (deps: CliDeps, kept: Kept, { json }: Options): Promise<void> => {
  const { reportText } = await import('./report.ts')
  const { isGood } = await import('../../farm/qualify/verify.ts')
  const { report, file } = kept
  const good = isGood(report)
  const text = json
    ? `${JSON.stringify({ ...report, accelerator: report.accelerator ?? null, good, file })}\n`
    : await reportText(kept)
  deps.stdout.write(text)
  if (!good) deps.exitWith(exitCode.failed)
}

const verify = async (deps: CliDeps, options: Options): Promise<void> => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  if (options.last) {
    const { lastReport } = await import('../../farm/qualify/record.ts')
    const kept = await lastReport(config.farm.data)
    if (!kept)
      throw new Fault('refused', 'never', 'this host was not qualified yet', {
        remedy: 'grapevine host verify',
      })
    return await print(deps, kept, options)
  }
  const kept = await qualify(deps, config, options)
  await note(deps, config, kept)
  if (!options.json) deps.stdout.write('\n')
  await print(deps, kept, options)
}

export const hostVerify = (deps: CliDeps): Command =>
  new Command('verify')
    .summary('find out whether guests run right on this host')
    .description(
      'Qualifies this host. With each accelerator, KVM and then TCG, a small guest boots, does a known job, is frozen and forked; what fails is not used. Then guests are saved and forked, round after round: each save and each fork must answer with the right checksums of bytes in memory and on the disk, half of the forks are killed while they write, and no template may change. The report is kept. Exit code 1 if anything fails.',
    )
    .option('--rounds <n>', 'saves, each with its forks; 0: only the small guest', whole(0), 10)
    .option('--forks <n>', 'forks in each round', whole(1), 2)
    .option('--load', 'keep every processor busy meanwhile')
    .option('--image <name>', 'the image of the rounds (default: the smallest with a disk)')
    .option('--last', 'show the last report, and find out nothing new')
    .option('--json', 'print the report as one line of JSON, progress to standard error')
    .addHelpText(
      'after',
      '\nExamples:\n  $ grapevine host verify\n  $ grapevine host verify --rounds 100 --forks 10 --load',
    )
    .action((options: Options) => verify(deps, options))
