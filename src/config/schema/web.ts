// The part of the schema about the pages: where they are, who may log in, and who hears what by webhooks.
import { isIP } from 'node:net'
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

/** An address, or a network of them as CIDR has it (RFC 4632). One of everybody would let everybody say who they are. */
const isNetwork = (text: string): boolean => {
  const [, address = '', bits] = /^([\da-fA-F.:]+?)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const size = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0
  return size > 0 && (bits === undefined || (Number(bits) > 0 && Number(bits) <= size))
}

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
    proxies: z
      .array(
        line('an address').refine(isNetwork, {
          error: 'must be an address or a network, like 192.0.2.7 or 10.1.0.0/16',
        }),
      )
      .default(['127.0.0.0/8', '::1'])
      .describe(
        'Web servers before it, whose X-Forwarded-For and X-Forwarded-Proto count: addresses or networks. Default: this machine.',
      ),
    login: login.prefault({}),
    metrics: z
      .enum(['open', 'token'])
      .default('token')
      .describe('Who may read /metrics; token: who has one with the scope metrics. Default: token.'),
    hooks: z.array(hook).default([]).describe('Webhooks of ours, signed. Default: none.'),
  })
  .describe('The pages: grapevine web.')
