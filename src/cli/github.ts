// `grapevine github`: the App as which it speaks on GitHub: create it, check it, see what its webhooks told.
import { dirname, resolve } from 'node:path'
import { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { UsageError } from '../model/fault.ts'
import type { ForgeEvent } from '../model/forge.ts'
import type { CliDeps } from './deps.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { sayInstant } from './when.ts'

type SetupFlags = {
  url?: string
  name?: string
  organization?: string
  series?: boolean
  port: string
  folder?: string
  api: string
  site: string
  ca?: string
  proxy?: string
}

const portOf = (text: string): number => {
  const port = Number(text)
  if (Number.isInteger(port) && port >= 0 && port < 65_536) return port
  throw new UsageError(`"${text}" is no port`)
}

const webAddress = (text: string, what: string): string => {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new UsageError(`"${text}" is no web address`, `${what} begins with https://`)
  return text.replace(/\/+$/, '')
}

/** A file is not needed yet to create the App. */
const configIfAny = (deps: CliDeps): Promise<Config | undefined> =>
  deps.config({ repositories: 'later', secrets: 'later' }).catch(error => {
    if (deps.configFile() !== undefined) throw error
    return undefined
  })

const begin = async (deps: CliDeps, flags: SetupFlags): Promise<void> => {
  const config = await configIfAny(deps)
  const url = flags.url ?? config?.web.url
  if (url === undefined)
    throw new UsageError(
      'where GitHub finds the pages of this service is not known',
      'Say it: --url https://grapevine.example.org (or web.url in grapevine.yaml).',
    )
  const folder = resolve(flags.folder ?? (config?.file === undefined ? '.' : dirname(config.file)))
  const { setup } = await import('./github-setup.ts')
  await setup(deps, {
    ...{ url: webAddress(url, '--url'), name: flags.name, organization: flags.organization, folder },
    ...{ series: flags.series === true, port: portOf(flags.port), ca: flags.ca, proxy: flags.proxy },
    ...{ api: webAddress(flags.api, '--api'), site: webAddress(flags.site, '--site') },
  })
}

const check = async (deps: CliDeps): Promise<void> => {
  const config = await deps.config({ repositories: 'later' })
  const { forgeOf, usesOf } = await import('../wiring/forge-of.ts')
  const { systemClock } = await import('../adapters/clock/system.ts')
  const forge = forgeOf(config, systemClock)
  if (!forge)
    throw new UsageError('there is no GitHub App in the configuration', 'Create one: grapevine github setup')
  try {
    const { login, warnings } = await forge.probe()
    const uses = usesOf(config).map(({ repository, use }) => `${repository} (${use})`)
    deps.stdout.write(`It speaks as ${login}; ${uses.join(', ') || 'no project uses it yet'}.\n`)
    for (const warning of warnings) deps.stdout.write(`  ${warning}\n`)
    if (warnings.length === 0) deps.stdout.write('It may do all that it needs.\n')
    else deps.exitWith(1)
  } finally {
    await forge.close()
  }
}

const sayWhat = ({ what }: ForgeEvent): string => {
  if (what.kind === 'pull') return `pull request #${what.number}`
  if (what.kind === 'comment') return `comment on #${what.number}`
  if (what.kind === 'rerun') return `test ${what.head.slice(0, 12)} again, by ${what.by}`
  return 'the App was installed, or may do other things'
}

const events = (deps: CliDeps): Promise<void> =>
  withStore(deps, async store => {
    const waiting = await store.forgeEvents(1_000)
    if (waiting.length === 0) return void deps.stdout.write('nothing waits: all that GitHub told is done\n')
    const rows = waiting.map(event => [
      sayInstant(event.receivedAt),
      event.repository,
      sayWhat(event),
      event.id,
    ])
    deps.stdout.write(`${table([['received', 'repository', 'what', 'delivery'], ...rows])}\n`)
  })

const setupCommand = (deps: CliDeps): Command =>
  new Command('setup')
    .summary('create the App on GitHub, and keep its key')
    .description(
      'Creates the GitHub App from app.yml, which asks for the least rights. It shows a page on this machine, from which you go to GitHub and agree; then it writes the key and the secrets into files that only you can read, and prints what goes into grapevine.yaml.',
    )
    .option('--url <address>', 'where GitHub finds the pages of this service (default: web.url)')
    .option('--name <name>', 'of the App; GitHub wants one that nobody else has (default: that of app.yml)')
    .option('--organization <login>', 'whose App it is (default: yours)')
    .option('--series', 'ask also for what is needed to push series of the list as branches')
    .option('--folder <path>', 'where the files go (default: the folder of grapevine.yaml)')
    .option('--port <number>', 'of the page on this machine; 0: any', '0')
    .option('--api <address>', 'of the REST API', 'https://api.github.com')
    .option('--site <address>', 'of the pages of GitHub', 'https://github.com')
    .option('--ca <path>', 'certificates (PEM) that sign those of a GitHub of your own')
    .option('--proxy <address>', 'of a proxy on the way there')
    .addHelpText('after', '\nExample:\n  $ grapevine github setup --url https://grapevine.example.org')
    .action((flags: SetupFlags) => begin(deps, flags))

export const github = (deps: CliDeps): Command =>
  new Command('github')
    .description('Looks after the GitHub App as which pull requests are read, and results are shown.')
    .addHelpText('after', '\nExample:\n  $ grapevine github check')
    .addCommand(setupCommand(deps))
    .addCommand(
      new Command('check')
        .summary('prove the key, and see what the App may do')
        .description(
          'Asks GitHub who it is and what it may do in the repositories of the configuration. Ends with 1 if something that it needs is missing.',
        )
        .addHelpText('after', '\nExample:\n  $ grapevine github check')
        .action(() => check(deps)),
    )
    .addCommand(
      new Command('events')
        .summary('list what webhooks told that is not done yet')
        .description('Lists what GitHub told by webhooks and nobody dealt with yet, the oldest first.')
        .addHelpText('after', '\nExample:\n  $ grapevine github events')
        .action(() => events(deps)),
    )
