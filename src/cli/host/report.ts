// How a qualification of a host is shown to people: by `host verify` when it is done, and later by `host show`.
import type { Kept, Report, Soak, Spread } from '../../farm/qualify/record.ts'
import { sayDuration } from '../../text/ending.ts'
import { table } from '../table.ts'

/** The last report of this host's farm folder, as text; undefined: it was never qualified. */
export const lastReportText = async (folder: string): Promise<string | undefined> => {
  const { lastReport } = await import('../../farm/qualify/record.ts')
  const kept = await lastReport(folder)
  return kept && (await reportText(kept))
}

/** The facts, what each accelerator answered, the soak, and what follows. Ends with a line break. */
export const reportText = async ({ report, file }: Kept): Promise<string> => {
  const { factNames } = await import('../../farm/qualify/facts.ts')
  const { tellAnswer } = await import('../../farm/qualify/verify.ts')
  const width = Math.max(...Object.values(factNames).map(name => name.length))
  const facts = Object.entries(factNames).map(
    ([key, name]) => `${name.padEnd(width)}  ${report.facts[key as keyof Report['facts']]}`,
  )
  const when = `qualified  ${report.at.slice(0, 16).replace('T', ' ')} UTC`
  const parts = [
    [when, ...facts],
    report.answers.map(tellAnswer),
    ...report.soaks.map(soakLines),
    [conclusion(report), `report: ${file}`],
  ]
  return `${parts.map(lines => lines.join('\n')).join('\n\n')}\n`
}

const conclusion = ({ accelerator, answers }: Report): string => {
  if (accelerator === undefined) return 'This host is unfit: it takes no work.'
  const slow = accelerator === 'tcg' && answers.some(answer => answer.accelerator === 'kvm')
  return `This host is fit: tasks run with ${accelerator.toUpperCase()}${slow ? ', which is slower than KVM' : ''}.`
}

const shownFailures = 10

const soakLines = (soak: Soak): string[] => {
  const { accelerator, image, rounds, forksPerRound, load, failures, digests, saves, forks } = soak
  const beside = load === 0 ? 'no load' : `${load} busy loops`
  const head = `soak of ${image} with ${accelerator.toUpperCase()}: ${rounds} rounds, ${forksPerRound} forks in each, ${beside}, ${sayDuration(soak.tookMs)}`
  const times = (spread: Spread | undefined) =>
    [spread?.median, spread?.p90, spread?.max].map(ms => (ms === undefined ? '' : `${ms} ms`))
  const rows = [
    ['what', 'ok', 'failed', 'median', 'p90', 'longest'],
    ['rounds', `${rounds - soak.failedRounds}`, `${soak.failedRounds}`, '', '', ''],
    ['saves', `${saves.ok}`, `${saves.failed}`, ...times(soak.saveMs)],
    ['forks', `${forks.ok}`, `${forks.failed}`, ...times(soak.forkMs)],
  ]
  const { changed, compared } = digests
  const unchanged = `digests of templates and images: ${compared} compared, ${changed.length === 0 ? 'none changed' : `${changed.length} changed`}`
  const more = failures.length - shownFailures
  return [
    head,
    table(rows),
    `killed while they wrote: ${forks.killed} of the forks`,
    unchanged,
    ...changed.map(file => `  changed: ${file}`),
    ...failures.slice(0, shownFailures).map(({ round, why }) => `  round ${round}: ${why}`),
    ...(more > 0 ? [`  and ${more} more failures: see the report`] : []),
  ]
}
