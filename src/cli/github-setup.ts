// `grapevine github setup`: the App is created by its owner on GitHub from app.yml; a page of this machine sends them there and hears what came
// of it. https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest
import { randomBytes } from 'node:crypto'
import { access, readFile, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { parse, stringify } from 'yaml'
import type { MadeApp } from '../adapters/github/app/setup.ts'
import { UsageError } from '../model/fault.ts'
import type { CliDeps } from './deps.ts'

export type SetupOptions = {
  /** Where people find the pages. */
  url: string
  name: string | undefined
  organization: string | undefined
  /** Series of a list are pushed as branches, too. */
  series: boolean
  port: number
  /** Where the files go. */
  folder: string
  api: string
  site: string
  ca: string | undefined
  proxy: string | undefined
}

const manifestFile = new URL('../../app.yml', import.meta.url)
const files = { key: 'github-app.pem', secret: 'github-webhook.secret', client: 'github-client.secret' }

const record = (value: unknown): Record<string, unknown> =>
  typeof value === 'object' && value !== null ? { ...value } : {}

/** As GitHub takes it; app.yml with what only we know. */
export const manifestOf = (
  text: string,
  { url, name, series, done }: Pick<SetupOptions, 'url' | 'name' | 'series'> & { done: string },
): Record<string, unknown> => {
  const given = record(parse(text))
  const rights = record(given.default_permissions)
  return {
    ...given,
    ...{ name: name ?? given.name, url, redirect_url: done },
    hook_attributes: { url: `${url}/api/github/webhooks`, active: true },
    // Operators may log in by it.
    callback_urls: [`${url}/login/github`],
    default_permissions: series ? { ...rights, contents: 'write', statuses: 'write' } : rights,
  }
}

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const page = (title: string, body: string): string =>
  `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escaped(title)}</title><h1>${escaped(title)}</h1>${body}</html>\n`

const send = (response: ServerResponse, status: number, html: string, site: string): void => {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; form-action ${new URL(site).origin}; frame-ancestors 'none'`,
    ...{ 'referrer-policy': 'no-referrer', 'cache-control': 'no-store', connection: 'close' },
  })
  response.end(html)
}

const formFor = (manifest: Record<string, unknown>, { site, organization }: SetupOptions, state: string) => {
  const where = organization === undefined ? '' : `/organizations/${encodeURIComponent(organization)}`
  const action = `${site}${where}/settings/apps/new?state=${state}`
  const body = `<p>GitHub shows you next what the App may do. Nothing is made before you agree there.</p>
<form method="post" action="${escaped(action)}"><input type="hidden" name="manifest" value="${escaped(JSON.stringify(manifest))}"><button>Go on to GitHub</button></form>`
  return page('Create the GitHub App', body)
}

/** The code that GitHub gives to whoever comes back from there. */
const askForCode = async ({ stdout, signal }: CliDeps, options: SetupOptions): Promise<string> => {
  const manifest = await readFile(manifestFile, 'utf8')
  const state = randomBytes(16).toString('hex')
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const server = createServer((request, response) => {
    const asked = new URL(request.url ?? '/', origin)
    const code = asked.searchParams.get('code')
    const say = (status: number, html: string) => send(response, status, html, options.site)
    if (asked.pathname === '/')
      return say(200, formFor(manifestOf(manifest, { ...options, done: `${origin}/done` }), options, state))
    if (asked.pathname !== '/done' || code === null) return say(404, page('There is nothing here', ''))
    if (asked.searchParams.get('state') !== state)
      return say(400, page('This is not what was begun here', '<p>Please begin anew.</p>'))
    say(200, page('The App is created', '<p>You can close this page; the rest is said in the terminal.</p>'))
    resolve(code)
  })
  server.once('error', error =>
    reject(new UsageError(`${error.message}`, 'Choose another port: --port NUMBER')),
  )
  signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  await new Promise<void>(ready => {
    server.once('error', () => ready())
    server.listen(options.port, '127.0.0.1', ready)
  })
  const address = server.address() as AddressInfo | null
  const origin = `http://127.0.0.1:${address?.port ?? options.port}`
  if (address) stdout.write(`Open this page in a browser on this machine:\n\n  ${origin}/\n\n`)
  try {
    return await promise
  } finally {
    server.close()
    server.closeIdleConnections()
  }
}

const mustBeFree = async (folder: string): Promise<void> => {
  for (const name of Object.values(files)) {
    const path = join(folder, name)
    const isThere = await access(path).then(
      () => true,
      () => false,
    )
    if (isThere)
      throw new UsageError(
        `${path} is there already`,
        'Move it away, or choose another folder: --folder PATH',
      )
  }
}

const write = async (folder: string, made: MadeApp): Promise<void> => {
  const keep = (name: string, text: string) =>
    writeFile(join(folder, name), `${text.trimEnd()}\n`, { mode: 0o600, flag: 'wx' })
  await keep(files.key, made.key)
  await keep(files.secret, made.secret)
  await keep(files.client, made.clientSecret)
}

/** What goes into grapevine.yaml. */
const yamlOf = (made: MadeApp, { api, site, folder, ca, proxy }: SetupOptions): string => {
  const file = (name: string) => ({ file: join(folder, name) })
  const elsewhere = site === 'https://github.com' ? {} : { api, site }
  return stringify({
    github: {
      ...{ app: made.id, key: file(files.key), secret: file(files.secret), ...elsewhere },
      ...(ca === undefined ? {} : { ca: resolve(ca) }),
      ...(proxy === undefined ? {} : { proxy }),
    },
  })
}

export const setup = async (deps: CliDeps, options: SetupOptions): Promise<void> => {
  const { stdout } = deps
  await mustBeFree(options.folder)
  const code = await askForCode(deps, options)
  const { exchange } = await import('../adapters/github/app/setup.ts')
  const { systemClock } = await import('../adapters/clock/system.ts')
  const made = await exchange(code, options, systemClock)
  await write(options.folder, made)
  stdout.write(
    `The App is created: ${made.url}\nIts key and secrets are in ${options.folder}, for you alone.\n\n`,
  )
  stdout.write(`Put this into grapevine.yaml:\n\n${yamlOf(made, options).replace(/^/gm, '  ').trimEnd()}\n\n`)
  stdout.write(
    `and into the project whose pull requests are to be tested:\n\n  github: { pulls: OWNER/NAME }\n\n`,
  )
  stdout.write(
    `Then install the App in that repository: ${options.site}/apps/${made.slug}/installations/new\n`,
  )
  stdout.write(`and see whether all is well: grapevine github check\n`)
}
