// `grapevine host`: the machines that run tasks.
import { Command } from 'commander'
import type { CliDeps } from './deps.ts'
import { hostVerify } from './host/verify.ts'

export const host = (deps: CliDeps): Command =>
  new Command('host')
    .description('Looks after the hosts: the machines that run tasks in clones.')
    .addCommand(hostVerify(deps))
    .addHelpText('after', '\nExample:\n  $ grapevine host verify')
