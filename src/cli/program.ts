// The program `grapevine`: its commands, one line each, and how all of them speak.
import { Command, Help } from 'commander'
import type { CliDeps } from './deps.ts'

type Make = (deps: CliDeps) => Command

/** A command's module is loaded only when it is called. */
type Entry = { name: string; summary: string; load: () => Promise<Make> }

/** In the order of --help. */
const entries: Entry[] = [
  {
    name: 'demo',
    summary: 'play a mailbox through the whole flow, on this machine',
    load: async () => (await import('./demo.ts')).demo,
  },
  {
    name: 'start',
    summary: 'run the bot: read the lists, plan, reply',
    load: async () => (await import('./start.ts')).start,
  },
  {
    name: 'worker',
    summary: 'run the tests that are planned, on this host',
    load: async () => (await import('./worker.ts')).worker,
  },
  {
    name: 'replay',
    summary: 'play a mailbox, or one series of it, through the flow',
    load: async () => (await import('./replay.ts')).replay,
  },
  {
    name: 'submit',
    summary: 'have a patch tested by hand',
    load: async () => (await import('./submit.ts')).submit,
  },
  {
    name: 'mail',
    summary: 'look up mails and what became of them',
    load: async () => (await import('./mail.ts')).mail,
  },
  {
    name: 'series',
    summary: 'look up what was run for a series, and what was said',
    load: async () => (await import('./series.ts')).series,
  },
  {
    name: 'concern',
    summary: 'show what would be tested if some files change, and why',
    load: async () => (await import('./concern.ts')).concern,
  },
  {
    name: 'reply',
    summary: 'look after mail of ours: what waits, failed, or is in doubt',
    load: async () => (await import('./reply.ts')).reply,
  },
  {
    name: 'address',
    summary: 'list who gets no mail any more, and why',
    load: async () => (await import('./address.ts')).address,
  },
  {
    name: 'command',
    summary: 'look up what people asked for by mail',
    load: async () => (await import('./command.ts')).command,
  },
  {
    name: 'known',
    summary: 'look after failures that are known, each with its bug',
    load: async () => (await import('./known.ts')).known,
  },
  {
    name: 'bug',
    summary: 'look after what is written to bugs: what waits, what was refused',
    load: async () => (await import('./bug.ts')).bug,
  },
  {
    name: 'base',
    summary: 'look up how the branches do without any patch, and test one now',
    load: async () => (await import('./base.ts')).base,
  },
  {
    name: 'history',
    summary: 'show how often each test fails by itself',
    load: async () => (await import('./history.ts')).history,
  },
  {
    name: 'image',
    summary: 'build, import, verify and remove the images of guests',
    load: async () => (await import('./image.ts')).image,
  },
  {
    name: 'host',
    summary: 'look after the machines that run tasks: drain, stop, qualify',
    load: async () => (await import('./host.ts')).host,
  },
  {
    name: 'cancel',
    summary: 'end a series, a job or one task, without a word to its author',
    load: async () => (await import('./cancel.ts')).cancel,
  },
  {
    name: 'queue',
    summary: 'show what waits to be run, and pause it',
    load: async () => (await import('./queue.ts')).queue,
  },
  {
    name: 'incident',
    summary: 'list what is wrong with hosts, disks, images and mail',
    load: async () => (await import('./incident.ts')).incident,
  },
  {
    name: 'notice',
    summary: 'look after what lists hear of trouble and maintenance',
    load: async () => (await import('./notice.ts')).notice,
  },
  {
    name: 'maintenance',
    summary: 'plan windows in which hosts, or the whole service, rest',
    load: async () => (await import('./maintenance.ts')).maintenance,
  },
  {
    name: 'web',
    summary: 'serve the pages, the API and the status page',
    load: async () => (await import('./web.ts')).web,
  },
  {
    name: 'github',
    summary: 'create and check the GitHub App, see what it was told',
    load: async () => (await import('./github.ts')).github,
  },
  {
    name: 'token',
    summary: 'make and revoke tokens of the API',
    load: async () => (await import('./token.ts')).token,
  },
  {
    name: 'hook',
    summary: 'look after webhooks of ours: what waits, what nobody took',
    load: async () => (await import('./hook.ts')).hook,
  },
  {
    name: 'backup',
    summary: 'back up images and templates, prove and restore them',
    load: async () => (await import('./backup.ts')).backup,
  },
  {
    name: 'farm',
    summary: 'look after the disk of this host’s farm',
    load: async () => (await import('./farm.ts')).farm,
  },
  {
    name: 'doctor',
    summary: 'check everything that Grapevine needs, and say how to mend it',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  {
    name: 'config',
    summary: 'check the configuration, print its schema',
    load: async () => (await import('./config.ts')).config,
  },
]

const helpSummary = 'show the help of a command'

/** The start of every line that the program says about itself. */
export const prefix = 'grapevine: '

const fullName = (command: Command): string =>
  command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`

/** Commands that are added whole do not take over their parent's settings. */
const settle = (command: Command, deps: CliDeps): void => {
  command
    .exitOverride()
    .configureOutput({
      writeOut: text => deps.stdout.write(text),
      writeErr: text => deps.stderr.write(text),
      getOutHelpWidth: () => deps.stdout.columns ?? 80,
      getErrHelpWidth: () => deps.stderr.columns ?? 80,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
      outputError: (text, write) => write(text.replace(/^error: /, prefix)),
    })
    .configureHelp({
      showGlobalOptions: true,
      subcommandDescription: inner => inner.summary() || inner.description(),
      formatHelp: (inner, help) => Help.prototype.formatHelp.call(help, inner, help),
    })
    .showSuggestionAfterError()
    .showHelpAfterError(`See: ${fullName(command)} --help`)
    .helpOption('-h, --help', 'show this help')
  if (command.commands.length > 0) command.helpCommand('help [command]', helpSummary)
  for (const inner of command.commands) settle(inner, deps)
}

const stub = ({ name, summary }: Entry): Command => new Command(name).summary(summary)

/** Builds the program for these arguments: commands that they do not name are left as a name and a summary. */
export const program = async (args: readonly string[], deps: CliDeps, version: string): Promise<Command> => {
  const root = new Command('grapevine')
    .description('Tests patches from a mailing list in throw-away virtual machines, and answers by mail.')
    .usage('COMMAND [options]')
    .version(version, '-V, --version', 'print the version')
    .option('--config <file>', 'the configuration (default: $GRAPEVINE_CONFIG or ./grapevine.yaml)')
    .option('--debug', 'print stack traces')
    .addHelpText(
      'after',
      '\nFirst steps:\n  $ npm run demo\n  $ grapevine doctor --config examples/demo/grapevine.yaml',
    )
  for (const entry of entries) {
    const command = args.includes(entry.name)
      ? (await entry.load())(deps).summary(entry.summary)
      : stub(entry)
    root.addCommand(command)
  }
  settle(root, deps)
  return root
}
