// The part of the schema about the pages: where they are, who may log in, and who hears what by webhooks.
import { z } from 'zod'
import { hookEvents } from '../../model/access.ts'
import { duration } from '../quantity.ts'
import { ca, day, line, name, secretSchema, some, webAddress, who } from './words.ts'

const people = (what: string) => z.array(who).default([]).describe(`${what} Default: none.`)

const login = z
  .strictObject({
    session: duration(60_000, 365 * day)
      .prefault('14 d')
      .describe('So long somebody stays logged in. Default: 14 d.'),
    submitters: people(
      'Who may log in by a mailed link to hand in patches, besides the operators: addresses, @domain, anyone.',
    ),
    github: z
      .strictObject({
        client: line('a client').describe('Client ID of the GitHub App, or of an OAuth App.'),
        secret: secretSchema.describe('Client secret: { env: NAME } or { file: PATH }.'),
        operators: some('Login names of operators.'),
      })
      .optional()
      .describe('Log in by GitHub. Default: not.'),
    oidc: z
      .strictObject({
        issuer: webAddress.describe('Of OpenID Connect, like https://login.example.org.'),
        client: line('a client').describe('Client ID.'),
        secret: secretSchema.describe('Client secret: { env: NAME } or { file: PATH }.'),
        operators: people('Verified addresses of operators, or @domain.'),
        ca,
      })
      .optional()
      .describe('Log in by OpenID Connect. Default: not.'),
  })
  .describe('Who may log in. Operators always can, by a link that is mailed to them.')

const hook = z.strictObject({
  name: name().describe('For the log, and for operators.'),
  url: webAddress.describe('Where it is posted to.'),
  secret: secretSchema.describe('What it is signed with: { env: NAME } or { file: PATH }.'),
  events: z
    .array(z.enum(hookEvents))
    .default([...hookEvents])
    .describe('What is told. Default: everything.'),
  ca,
})

export const web = z
  .strictObject({
    listen: line('an address')
      .regex(/^(\[[0-9a-fA-F:]+\]|[^\s:/]+):\d{1,5}$/, { error: 'must be address:port, like 127.0.0.1:8080' })
      .default('127.0.0.1:8080')
      .describe('Address and port that it listens on. Default: 127.0.0.1:8080.'),
    url: webAddress
      .refine(text => /^[^/]*\/\/[^/]*\/?$/.test(text), {
        error: 'must be a host of its own, without a path',
      })
      .optional()
      .describe('Where people find it, like https://grapevine.example.org; mails name it. Default: nowhere.'),
    login: login.prefault({}),
    metrics: z
      .enum(['open', 'token'])
      .default('token')
      .describe('Who may read /metrics; token: who has one with the scope metrics. Default: token.'),
    hooks: z.array(hook).default([]).describe('Webhooks of ours, signed. Default: none.'),
  })
  .describe('The pages: grapevine web.')
