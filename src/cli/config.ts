// `grapevine config`: is the configuration right, and what may stand in it?
import { Command } from 'commander'
import type { Config, ProjectConfig, SourceConfig } from '../config/config.ts'
import { onlyWhole } from '../model/recipe.ts'
import type { CliDeps } from './deps.ts'

/** A source in few words. */
export const saySource = (source: SourceConfig): string =>
  source.kind === 'imap'
    ? `imap ${source.login.user}@${source.host}:${source.port}, ${source.mailbox}`
    : `${source.kind} ${source.path}`

const projectLines = ({ name, list, sources, recipe, branches, github }: ProjectConfig): string[] => [
  `project ${name}`,
  `  list        ${list.address}`,
  ...sources.map(one => `  source      ${saySource(one)}`),
  `  repository  ${recipe.repository}, ${recipe.branch}`,
  ...(branches.length === 0 ? [] : [`  branches    ${branches.map(({ branch }) => branch).join(', ')}, too`]),
  `  build       on ${recipe.build.image}: ${recipe.build.steps.map(step => step.name).join(', ') || 'nothing'}`,
  `  test        on ${recipe.test.images.join(', ')}: ${recipe.test.steps.map(step => step.name).join(', ')}`,
  ...(github?.pulls === undefined ? [] : [`  pulls       of ${github.pulls}`]),
  ...(github?.series === undefined ? [] : [`  branches    of series go to ${github.series}`]),
  ...(onlyWhole(recipe).length === 0
    ? []
    : [`  run whole   ${onlyWhole(recipe).join(', ')}: no \`only\`, so no test of theirs runs by itself`]),
]

const out = ({ mail, administrator }: Config): string => {
  const way =
    mail.out.kind === 'maildir' ? `into ${mail.out.path}` : `through ${mail.out.host}:${mail.out.port}`
  return mail.live
    ? `${way}, to lists and authors`
    : `${way}, to ${administrator.address} only (mail.live is false)`
}

/** What is configured, in short, for people. */
export const summary = (config: Config): string[] => [
  `${config.file}: no problem found`,
  `data          ${config.data}`,
  `mail          ${out(config)}`,
  ...config.mail.inbox.map(one => `inbox         ${saySource(one)}`),
  `database      ${config.databaseUrl ? 'DATABASE_URL' : 'embedded (SQLite)'}`,
  `redis         ${config.redisUrl ? 'REDIS_URL' : 'embedded'}`,
  `farm          ${config.farm.data}, ${config.farm.slots} at a time, images ${config.farm.images.map(image => image.name).join(', ')}`,
  `pages         ${config.web.host}:${config.web.port}${config.web.url === undefined ? '' : `, found at ${config.web.url}`}`,
  ...(config.github === undefined ? [] : [`GitHub        App ${config.github.id} at ${config.github.api}`]),
  ...config.trackers.map(one => `tracker       ${one.name}: ${one.kind}`),
  ...config.projects.flatMap(projectLines),
]

const check = (deps: CliDeps): Command =>
  new Command('check')
    .summary('check the configuration and print it in short')
    .description(
      'Checks the configuration, and prints in short what is configured, or everything that is wrong with it.',
    )
    .addHelpText('after', '\nExample:\n  $ grapevine config check --config grapevine.yaml')
    .action(async () => {
      deps.stdout.write(`${summary(await deps.config()).join('\n')}\n`)
    })

const schema = (deps: CliDeps): Command =>
  new Command('schema')
    .summary('print the JSON schema of the configuration')
    .description(
      'Prints the JSON schema of grapevine.yaml, for editors that complete and check while one types.',
    )
    .addHelpText('after', '\nExample:\n  $ grapevine config schema > grapevine.schema.json')
    .action(async () => {
      const { printJsonSchema } = await import('../config/json-schema.ts')
      deps.stdout.write(printJsonSchema())
    })

export const config = (deps: CliDeps): Command =>
  new Command('config')
    .description('Checks the configuration, or prints the schema that it is checked with.')
    .addCommand(check(deps))
    .addCommand(schema(deps))
    .addHelpText('after', '\nExample:\n  $ grapevine config check')
