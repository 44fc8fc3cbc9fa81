// `grapevine doctor`: is everything there that Grapevine needs, and if not, what is to be done?
import { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { UsageError } from '../model/fault.ts'
import type { CliDeps } from './deps.ts'
import type { Check, Finding } from './doctor/check.ts'
import { exitCode } from './exit.ts'

const asJson = (finding: Finding): string => JSON.stringify({ ...finding, remedy: finding.remedy ?? null })

/** A mark, a name, what was found; the remedy below it. */
const asText = ({ name, ok, says, remedy }: Finding, terminal: boolean): string => {
  const advised = ok && remedy !== undefined
  const mark = terminal ? (advised ? '!' : ok ? '✓' : '✗') : (advised ? 'note' : ok ? 'ok' : 'FAIL').padEnd(4)
  const indent = `\n${' '.repeat(mark.length + 1)}  `
  return `${mark} ${name}: ${says}${remedy === undefined ? '' : `${indent}${remedy.replaceAll('\n', indent)}`}`
}

const configured = async (config: Config): Promise<Check[]> => {
  const { dataChecks } = await import('./doctor/data.ts')
  const { qualificationChecks } = await import('./doctor/qualification.ts')
  const { serviceChecks } = await import('./doctor/services.ts')
  const { powerChecks } = await import('./doctor/power.ts')
  const { pageChecks } = await import('./doctor/pages.ts')
  const { projectChecks } = await import('./doctor/projects.ts')
  const { trackerChecks } = await import('./doctor/trackers.ts')
  return [
    ...dataChecks(config),
    ...qualificationChecks(config),
    ...serviceChecks(config),
    ...trackerChecks(config),
    ...powerChecks(config),
    ...pageChecks(config),
    ...projectChecks(config),
  ]
}

/** What is wrong with the configuration is a finding like others; the host can be looked at without it. */
const configuration = async (deps: CliDeps): Promise<{ config: Config | undefined; finding: Finding }> => {
  const name = 'configuration'
  try {
    const config = await deps.config({ repositories: 'later' })
    return { config, finding: { name, ok: true, says: config.file ?? '', remedy: undefined } }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    const remedy = error.remedy ?? 'What depends on it was not looked at: mend it and ask again.'
    return { config: undefined, finding: { name, ok: false, says: error.message, remedy } }
  }
}

const examine = async (deps: CliDeps, options: { json?: boolean }): Promise<void> => {
  const { runCheck } = await import('./doctor/check.ts')
  const { hostChecks } = await import('./doctor/host.ts')
  const { config, finding } = await configuration(deps)
  const checks = [
    ...hostChecks({ redis: config?.redisUrl === undefined }),
    ...(config === undefined ? [] : await configured(config)),
  ]
  const findings = [Promise.resolve(finding), ...checks.map(check => runCheck(check, deps.signal))]
  const failed: Finding[] = []
  for (const pending of findings) {
    const one = await pending
    deps.signal.throwIfAborted()
    if (!one.ok) failed.push(one)
    deps.stdout.write(`${options.json ? asJson(one) : asText(one, deps.stdout.isTTY === true)}\n`)
  }
  if (failed.length === 0) return
  if (!options.json) deps.stdout.write(`\n${failed.length} of ${findings.length} checks failed\n`)
  deps.exitWith(exitCode.failed)
}

export const doctor = (deps: CliDeps): Command =>
  new Command('doctor')
    .description(
      'Checks every program, folder, connection and permission that Grapevine needs, and says how to mend what is wrong. Exit code 1 if something is.',
    )
    .option('--json', 'print JSON lines: name, ok, says, remedy')
    .addHelpText('after', '\nExample:\n  $ grapevine doctor --config grapevine.yaml')
    .action((options: { json?: boolean }) => examine(deps, options))
