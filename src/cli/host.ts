// `grapevine host`: the machines that run tasks.
import { Command } from 'commander'
import type { CliDeps } from './deps.ts'
import { holdCommands } from './holds.ts'
import { hostLooks, knownHost } from './host/list.ts'
import { hostPower } from './host/power.ts'
import { hostVerify } from './host/verify.ts'

export const host = (deps: CliDeps): Command => {
  const command = new Command('host')
    .description('Looks after the hosts: the machines that run tasks in clones.')
    .addHelpText('after', '\nExample:\n  $ grapevine host list')
  const holds = holdCommands(deps, 'host', async (store, name) => void (await knownHost(store, name)))
  for (const one of [...hostLooks(deps), ...holds, hostVerify(deps), hostPower(deps)]) command.addCommand(one)
  return command
}
