// The doctor's look at this host's qualification: what its guests run on, since when, and whether that is still the same host.
import type { Config } from '../../config/config.ts'
import type { HostFacts } from '../../farm/qualify/facts.ts'
import { bad, type Check, fine } from './check.ts'

const deadlineMs = 40_000
const remedy = 'grapevine host verify'

const ask = async ({ farm }: Config) => {
  const { lastReport } = await import('../../farm/qualify/record.ts')
  const { factNames, hostFacts } = await import('../../farm/qualify/facts.ts')
  const { isGood, summaryOf } = await import('../../farm/qualify/verify.ts')
  const { unfit } = await import('../../farm/qualify/fitness.ts')
  const { probeQemu } = await import('../../farm/qemu.ts')
  const kept = await lastReport(farm.data)
  if (!kept)
    return { ...fine('not qualified yet; the worker does it, in some seconds, when it starts'), remedy }
  const { report, file } = kept
  const now = await hostFacts(await probeQemu())
  const names = Object.keys(factNames) as (keyof HostFacts)[]
  const changed = names.filter(name => now[name] !== report.facts[name])
  const changes = changed.map(name => `${factNames[name]}: ${report.facts[name]} → ${now[name]}`)
  const since = `changed since it was qualified (${changes.join('; ')}); the worker does it again when it starts`
  if (changed.length > 0) return { ...fine(since), remedy }
  if (report.accelerator === undefined) return bad(`${unfit(report.answers)} (${file})`, remedy)
  const { accelerator, qualified } = summaryOf(report)
  const says = `guests run with ${accelerator}; qualified ${qualified} (${file})`
  return isGood(report) ? fine(says) : bad(`${says}; a soak failed`, remedy)
}

/** None for a host that has only domains of libvirt. */
export const qualificationChecks = (config: Config): Check[] =>
  config.farm.images.some(({ kind }) => kind !== 'libvirt')
    ? [{ name: 'qualification', deadlineMs, ask: () => ask(config) }]
    : []
