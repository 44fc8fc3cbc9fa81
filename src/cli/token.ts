// `grapevine token`: tokens of the API. A new one is told once; only its digest is kept.
import { Command } from 'commander'
import { type ApiToken, type Scope, scopes } from '../model/access.ts'
import { UsageError } from '../model/fault.ts'
import type { Instant } from '../model/instant.ts'
import type { Store } from '../ports/store.ts'
import { cleanLine } from '../text/clean.ts'
import type { CliDeps } from './deps.ts'
import { operator } from './holds.ts'
import { withStore } from './stored.ts'
import { table } from './table.ts'
import { parseUntil, sayInstant } from './when.ts'

const sayState = (token: ApiToken, now: Instant): string => {
  if (token.revokedAt !== undefined) return `revoked ${sayInstant(token.revokedAt)}`
  if (token.expiresAt === undefined) return 'holds'
  return `${token.expiresAt <= now ? 'over since' : 'holds until'} ${sayInstant(token.expiresAt)}`
}

const scopeOf = (text: string): Scope => {
  const scope = scopes.find(one => one === text.trim())
  if (scope === undefined)
    throw new UsageError(`there is no scope "${text}"`, `There are: ${scopes.join(', ')}`)
  return scope
}

const audit = async (deps: CliDeps, store: Store, said: { what: string; about: string; reason: string }) => {
  const { systemClock: clock } = await import('../adapters/clock/system.ts')
  const { audited } = await import('../wiring/operate.ts')
  const noted = { ...said, who: operator(deps.env), by: 'cli' as const }
  return <T extends object>(act: () => Promise<T>) =>
    audited({ store, clock }, noted, async () => ({ did: said.what, ...(await act()) }))
}

type AddGiven = { scope: Scope[]; until?: string }

const add = (deps: CliDeps, name: string, { scope, until }: AddGiven) =>
  withStore(deps, async store => {
    const { addToken, findToken } = await import('../wiring/tokens.ts')
    const now = Date.now()
    if (cleanLine(name).trim() === '') throw new UsageError('say what it is for')
    if ('token' in findToken(await store.apiTokens(), name, now))
      throw new UsageError(
        `there is a token "${name}" already`,
        'Revoke that one first, or choose another name',
      )
    const given = {
      ...{ name, scopes: [...new Set(scope)], by: operator(deps.env), now },
      ...(until === undefined ? {} : { expiresAt: parseUntil(until, now) }),
    }
    const write = await audit(deps, store, {
      ...{ what: 'make token', about: `token ${name}`, reason: `may ${given.scopes.join(', ')}` },
    })
    const { token } = await write(() => addToken(store, given))
    deps.stderr.write(`token ${name} is made; it is shown only now:\n`)
    deps.stdout.write(`${token}\n`)
  })

const list = (deps: CliDeps, { json = false }: { json?: boolean }) =>
  withStore(deps, async store => {
    const tokens = await store.apiTokens()
    if (json) return tokens.forEach(one => void deps.stdout.write(`${JSON.stringify(one)}\n`))
    if (tokens.length === 0) return void deps.stdout.write('there is no token\n')
    const now = Date.now()
    const rows = tokens.map(one => [
      ...[cleanLine(one.name, 60), one.scopes.join(', '), `${one.by}, ${sayInstant(one.createdAt)}`],
      ...[
        one.usedAt === undefined ? 'never' : sayInstant(one.usedAt),
        sayState(one, now),
        one.id.slice(0, 8),
      ],
    ])
    deps.stdout.write(`${table([['token', 'may', 'made by', 'last used', 'state', 'id'], ...rows])}\n`)
  })

const revoke = (deps: CliDeps, named: string) =>
  withStore(deps, async store => {
    const { findToken, revokeToken } = await import('../wiring/tokens.ts')
    const found = findToken(await store.apiTokens(), named, Date.now())
    if ('no' in found) throw new UsageError(found.no, 'See: grapevine token list')
    const about = `token ${found.token.name}`
    const write = await audit(deps, store, { what: 'revoke token', about, reason: '' })
    await write(async () => {
      await revokeToken(store, found.token, Date.now())
      return {}
    })
    deps.stdout.write(`token ${found.token.name} opens nothing any more\n`)
  })

export const token = (deps: CliDeps): Command =>
  new Command('token')
    .description('Looks after the tokens by which programs ask the API.')
    .addCommand(
      new Command('add')
        .summary('make one, and print it')
        .description(
          'Makes a token and prints it, once: only its digest is kept.\nread: what the pages show everybody, with addresses of authors; submit: hand in patches; operate: whatever an operator may; metrics: read /metrics.',
        )
        .argument('<name>', 'what it is for')
        .requiredOption(
          '--scope <scope>',
          `what it may: ${scopes.join(', ')}; may be repeated`,
          (text: string, before: Scope[] = []) => [...before, scopeOf(text)],
        )
        .option('--until <when>', 'it ends then: a span like "90 d", or a date (default: never)')
        .addHelpText('after', '\nExample:\n  $ grapevine token add prometheus --scope metrics')
        .action((name: string, given: AddGiven) => add(deps, name, given)),
    )
    .addCommand(
      new Command('list')
        .summary('list all, and when they were last used')
        .description('Lists tokens in order of making; never the tokens themselves.')
        .option('--json', 'JSON lines')
        .addHelpText('after', '\nExample:\n  $ grapevine token list')
        .action((given: { json?: boolean }) => list(deps, given)),
    )
    .addCommand(
      new Command('revoke')
        .summary('let one open nothing any more')
        .description('Revokes a token, at once.')
        .argument('<token>', 'its name, or what its id begins with')
        .addHelpText('after', '\nExample:\n  $ grapevine token revoke prometheus')
        .action((named: string) => revoke(deps, named)),
    )
    .addHelpText('after', '\nExample:\n  $ grapevine token list')
