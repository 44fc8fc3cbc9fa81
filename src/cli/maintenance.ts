// `grapevine maintenance`: windows in which hosts, or the whole service, rest. The bot does the rest: it announces, drains and resumes.
import { Command } from 'commander'
import type { CliDeps } from './deps.ts'
import { changing } from './maintenance/change.ts'
import { looking } from './maintenance/look.ts'
import { planning } from './maintenance/plan.ts'

export const maintenance = (deps: CliDeps): Command => {
  const command = new Command('maintenance')
    .description('Plans windows in which hosts, or the whole service, rest.')
    .addHelpText('after', '\nExample:\n  $ grapevine maintenance list')
  for (const one of [planning(deps), ...looking(deps), ...changing(deps)]) command.addCommand(one)
  return command
}
