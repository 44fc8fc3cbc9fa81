// Who may do what on the pages and by the API, and what was done. Readers need no account.
import type { Instant } from './instant.ts'

/** operator: everything · submitter: hands in patches of their own. */
export type Role = 'operator' | 'submitter'

/** Who looks at a page. `name` is shown, and stands in the audit log; how they logged in is part of who they are. */
export type Viewer = { name: string; address: string | undefined; by: 'mail' | 'github' | 'oidc'; role: Role }

/** A browser that is logged in. */
export type Session = {
  /** SHA-256 of what the cookie holds, hex. */
  id: string
  viewer: Viewer
  /** Secret of this session's forms. */
  csrf: string
  createdAt: Instant
  seenAt: Instant
  expiresAt: Instant
}

/** A link that logs in once. */
export type LoginLink = {
  /** SHA-256 of the token in it, hex. */
  id: string
  address: string
  createdAt: Instant
  expiresAt: Instant
  usedAt: Instant | undefined
}

/** read: what the pages show everybody · submit: hand in patches · operate: whatever an operator may · metrics: /metrics. */
export type Scope = 'read' | 'submit' | 'operate' | 'metrics'

export const scopes: readonly Scope[] = ['read', 'submit', 'operate', 'metrics']

export type ApiToken = {
  /** SHA-256 of the token, hex. */
  id: string
  name: string
  scopes: Scope[]
  /** Who made it. */
  by: string
  createdAt: Instant
  /** undefined: never. */
  expiresAt: Instant | undefined
  usedAt: Instant | undefined
  revokedAt: Instant | undefined
}

/** Something that a person did, kept for good. */
export type Audit = {
  id: string
  at: Instant
  who: string
  by: 'web' | 'api' | 'cli' | 'mail' | 'github'
  /** Verb, like `drain`, `cancel`, `log in`. */
  what: string
  /** What it was done to, like `host farm-1`; '' for nothing in particular. */
  about: string
  reason: string
  /** What came of it; '' for: it was done. */
  came: string
}

/** A webhook of ours on its way out, at least once; receivers tell twins apart by its id (webhook-id). */
export type HookDelivery = {
  id: string
  /** Of the configuration's web.hooks. */
  hook: string
  event: HookEvent
  /** JSON, as it is signed. */
  body: string
  createdAt: Instant
  state:
    | { at: 'pending'; notBefore: Instant; tries: number; why?: string }
    | { at: 'sent'; when: Instant; status: number }
    | { at: 'failed'; when: Instant; why: string }
}

export type HookEvent = 'series.complete' | 'series.verdict' | 'incident.changed' | 'maintenance.changed'

export const hookEvents: readonly HookEvent[] = [
  'series.complete',
  'series.verdict',
  'incident.changed',
  'maintenance.changed',
]
