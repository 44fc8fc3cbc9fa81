// `grapevine command`: what people asked for by mail, and what came of it.
import { Command } from 'commander'
import type { CommandState, Command as MailCommand } from '../model/command.ts'
import { UsageError } from '../model/fault.ts'
import { cleanLine } from '../text/clean.ts'
import type { CliDeps } from './deps.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayInstant } from './when.ts'

const states: CommandState['at'][] = ['received', 'waiting', 'done', 'refused', 'expired']

const sayState = (state: CommandState): string => {
  switch (state.at) {
    case 'received':
      return 'not looked at yet'
    case 'waiting':
      return `waits for its sender to confirm it, until ${sayInstant(state.until)}`
    case 'done':
      return `done: ${state.what}`
    case 'refused':
      return `refused: ${state.why}`
    case 'expired':
      return 'nobody confirmed it'
  }
}

const row = ({ createdAt, sender, line, state, series }: MailCommand): string[] => [
  sayInstant(createdAt),
  cleanLine(sender, 60),
  cleanLine(line, 60),
  series ?? '',
  cleanLine(sayState(state), 100),
]

type Given = { state?: string; project?: string; json?: boolean }

const show = (deps: CliDeps, { state, project, json = false }: Given) =>
  withStore(deps, async store => {
    const at = states.find(one => one === state)
    if (state !== undefined && at === undefined)
      throw new UsageError(`--state: there is no state "${state}"`, `There are: ${states.join(', ')}`)
    const all = await store.commands({ ...(at ? { at } : {}), ...(project ? { project } : {}) })
    if (json) return all.forEach(one => void deps.stdout.write(`${JSON.stringify(one)}\n`))
    const rows = [['when', 'sender', 'command', 'series', 'state'], ...all.map(row)]
    deps.stdout.write(`${table(rows)}\n`)
  })

export const command = (deps: CliDeps): Command =>
  new Command('command')
    .description('Looks up the commands that people sent by mail.')
    .addCommand(
      new Command('list')
        .summary('list commands that came by mail, and what became of them')
        .description('Lists the commands that came by mail, in order, with what became of each.')
        .option('--state <state>', `only in this state: ${states.join(', ')}`)
        .option('--project <name>', 'only of mails of this project; @bot: of mails to the bot alone')
        .option('--json', 'JSON lines')
        .addHelpText('after', '\nExample:\n  $ grapevine command list --state waiting')
        .action((given: Given) => show(deps, given)),
    )
    .addHelpText('after', '\nExample:\n  $ grapevine command list')
