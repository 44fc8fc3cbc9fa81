// What GitHub really sent: webhooks of all kinds (@octokit/webhooks-examples) and exchanges with api.github.com (@octokit/fixtures). The fakes
// answer with these, other values put in (shapes.ts).
import { createRequire } from 'node:module'
import type { components } from '@octokit/openapi-types'
import type { WebhookEventMap, WebhookEventName } from '@octokit/webhooks-types'

export type Schemas = components['schemas']

const load = createRequire(import.meta.url)

type Described<Name extends WebhookEventName> = { name: Name; examples: WebhookEventMap[Name][] }

const folders = ['api.github.com', 'ghes-31', 'ghes-32', 'ghes-33', 'ghes-34', 'ghes-35'] as const

/** Every recorded webhook, of github.com and of servers of one's own. */
export const recordedHooks = (): { from: string; name: string; payload: Record<string, unknown> }[] =>
  folders.flatMap(from =>
    (
      load(`@octokit/webhooks-examples/${from}/index.json`) as {
        name: string
        examples: Record<string, unknown>[]
      }[]
    ).flatMap(({ name, examples }) => examples.map(payload => ({ from, name, payload }))),
  )

const described = load(
  '@octokit/webhooks-examples/api.github.com/index.json',
) as Described<WebhookEventName>[]

/** The newest recording of that event, and of that action if there is one; undefined: there is no such event. */
export const recordedHook = <Name extends WebhookEventName>(
  name: Name,
  action?: string,
): WebhookEventMap[Name] | undefined => {
  const examples = (described.find(one => one.name === name)?.examples ?? []) as WebhookEventMap[Name][]
  return examples.findLast(one => 'action' in one && one.action === action) ?? examples.at(-1)
}

const must = <T>(one: T | undefined, what: string): T => {
  if (one === undefined) throw new Error(`no recording of ${what}`)
  return one
}

/** One request and its answer, as they went over the wire. */
export type Exchange = {
  method: string
  path: string
  body: unknown
  status: number
  response: unknown
  headers: Record<string, string | number>
}

export const recordedExchanges = (scenario: string): Exchange[] =>
  load(`@octokit/fixtures/scenarios/api.github.com/${scenario}/normalized-fixture.json`) as Exchange[]

const [recordedStatus] = recordedExchanges('create-status')
const [recordedRepository] = recordedExchanges('get-repository')
const [recordedIssues] = recordedExchanges('paginate-issues')
const [, recordedLabel] = recordedExchanges('labels')
const [recordedError] = recordedExchanges('errors')

/** Of the connection, of the day, or of tokens of persons. */
const notOfEvery = new Set([
  ...['connection', 'content-length', 'date', 'etag', 'location', 'link', 'cache-control', 'last-modified'],
  ...['x-oauth-scopes', 'x-accepted-oauth-scopes', 'transfer-encoding'],
])

/** What stands in every answer: x-github-request-id, x-github-media-type, x-ratelimit-… and the like. */
export const recordedHeaders: Record<string, string> = Object.fromEntries(
  Object.entries(must(recordedStatus, 'an answer').headers).flatMap(([name, value]) =>
    notOfEvery.has(name) ? [] : [[name, String(value)]],
  ),
)

/** Where the recordings were made. */
const places = [
  ['Codertocat', 'Hello-World'],
  ['octokit-fixture-org', 'hello-world'],
  ['octokit-fixture-org', 'paginate-issues'],
  ['octokit-fixture-org', 'labels'],
  ['octokit-fixture-org', 'create-status'],
] as const

/** As it was recorded, in another repository: in all addresses, too. */
export const moved = <T>(recorded: T, repository: string): T => {
  const [owner = '', name = ''] = repository.split('/')
  const text = places.reduce(
    (text, [anyOwner, anyName]) =>
      text.replaceAll(`${anyOwner}/${anyName}`, repository).replaceAll(`"${anyName}"`, JSON.stringify(name)),
    JSON.stringify(recorded),
  )
  return JSON.parse(places.reduce((text, [anyOwner]) => text.replaceAll(anyOwner, owner), text)) as T
}

export const anyPull = must(recordedHook('pull_request', 'synchronize'), 'a pull request')
export const anyComment = must(recordedHook('issue_comment', 'created'), 'a comment').comment
export const anyCheck = must(recordedHook('check_run', 'completed'), 'a check').check_run
export const anyInstallation = must(
  recordedHook('installation', 'new_permissions_accepted'),
  'an installation',
).installation
export const anyStatus = must(recordedStatus, 'a status').response as Schemas['status']
export const anyRepository = must(recordedRepository, 'a repository').response as Schemas['full-repository']
export const anyIssue = must((must(recordedIssues, 'issues').response as Schemas['issue'][])[0], 'an issue')
export const anyLabel = must(recordedLabel, 'a label').response as Schemas['label']
export const invalid = must(recordedError, 'an error').response as Schemas['validation-error']
