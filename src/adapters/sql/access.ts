// Who is logged in, tokens, what people did, and webhooks of ours on their way.
import type { ApiToken, Audit, HookDelivery, LoginLink, Session } from '../../model/access.ts'
import type { Instant } from '../../model/instant.ts'
import type { Store } from '../../ports/store.ts'
import { fromJson, searchKey } from './columns.ts'
import type { Db } from './tables.ts'

type SessionPart = Pick<
  Store,
  'saveSession' | 'session' | 'dropSession' | 'addLoginLink' | 'countLoginLinks' | 'takeLoginLink'
>
type AccessPart = SessionPart &
  Pick<
    Store,
    | 'saveApiToken'
    | 'apiToken'
    | 'apiTokens'
    | 'addAudit'
    | 'audits'
    | 'addHookDelivery'
    | 'hookDeliveries'
    | 'moveHookDelivery'
  >

type Row = { data: string }
const toSession = ({ data }: Row) => fromJson<Session>(data, 'a session')
const toLink = ({ data }: Row) => fromJson<LoginLink>(data, 'a link')
const toToken = ({ data }: Row) => fromJson<ApiToken>(data, 'a token')
const toAudit = ({ data }: Row) => fromJson<Audit>(data, 'the audit log')
const toDelivery = ({ data }: Row) => fromJson<HookDelivery>(data, 'a webhook')

const addressKey = (address: string): string => searchKey(address.toLowerCase())

const sessionStore = (db: Db): SessionPart => ({
  async saveSession(session) {
    const values = { expires_at: session.expiresAt, data: JSON.stringify(session) }
    await db.deleteFrom('session').where('expires_at', '<', session.seenAt).execute()
    await db
      .insertInto('session')
      .values({ id: session.id, ...values })
      .onConflict(conflict => conflict.column('id').doUpdateSet(values))
      .execute()
  },

  async session(id) {
    const row = await db.selectFrom('session').select('data').where('id', '=', id).executeTakeFirst()
    return row && toSession(row)
  },

  async dropSession(id) {
    await db.deleteFrom('session').where('id', '=', id).execute()
  },

  async addLoginLink(link) {
    await db
      .insertInto('login_link')
      .values({
        ...{ id: link.id, address: addressKey(link.address), created_at: link.createdAt },
        ...{ expires_at: link.expiresAt, data: JSON.stringify(link) },
      })
      .execute()
    await db
      .deleteFrom('login_link')
      .where('expires_at', '<', link.createdAt - 7 * 86_400_000)
      .execute()
  },

  async countLoginLinks(address, since) {
    const { count } = await db
      .selectFrom('login_link')
      .select(({ fn }) => fn.countAll<number | string>().as('count'))
      .where('address', '=', addressKey(address))
      .where('created_at', '>', since)
      .executeTakeFirstOrThrow()
    return Number(count)
  },

  async takeLoginLink(id, now) {
    // One statement: of two who come at once, one gets it.
    const row = await db
      .updateTable('login_link')
      .set({ used: 1 })
      .where('id', '=', id)
      .where('used', '=', 0)
      .where('expires_at', '>', now)
      .returning('data')
      .executeTakeFirst()
    return row && { ...toLink(row), usedAt: now }
  },
})

const deliveryRow = ({ state, ...rest }: HookDelivery) => ({
  state_at: state.at,
  state_key: stateKey(state),
  due_at: state.at === 'pending' ? state.notBefore : null,
  data: JSON.stringify({ ...rest, state }),
})

const stateKey = (state: HookDelivery['state']): string =>
  state.at === 'pending' ? `pending ${state.tries}` : state.at

/** Longer than news is looked for: what was forgotten would be told again. */
const keepDeliveriesMs = 30 * 86_400_000

const dropOldDeliveries = (db: Db, before: Instant) =>
  db
    .deleteFrom('hook_delivery')
    .where('state_at', 'in', ['sent', 'failed'])
    .where('created_at', '<', before)
    .execute()

/** The store's part of access. */
export const accessStore = (db: Db): AccessPart => ({
  ...sessionStore(db),

  async saveApiToken(token) {
    const values = { data: JSON.stringify(token) }
    await db
      .insertInto('api_token')
      .values({ id: token.id, ...values })
      .onConflict(conflict => conflict.column('id').doUpdateSet(values))
      .execute()
  },

  async apiToken(id) {
    const row = await db.selectFrom('api_token').select('data').where('id', '=', id).executeTakeFirst()
    return row && toToken(row)
  },

  async apiTokens() {
    return (await db.selectFrom('api_token').select('data').orderBy('seq').execute()).map(toToken)
  },

  async addAudit(audit) {
    await db
      .insertInto('audit')
      .values({ id: audit.id, at: audit.at, about: searchKey(audit.about), data: JSON.stringify(audit) })
      .onConflict(conflict => conflict.column('id').doUpdateSet({ data: JSON.stringify(audit) }))
      .execute()
  },

  async audits({ about, before, limit }) {
    let query = db.selectFrom('audit').select('data')
    if (about !== undefined) query = query.where('about', '=', searchKey(about))
    if (before !== undefined) query = query.where('at', '<', before)
    return (await query.orderBy('at', 'desc').orderBy('seq', 'desc').limit(limit).execute()).map(toAudit)
  },

  async addHookDelivery(delivery) {
    const row = await db
      .insertInto('hook_delivery')
      .values({ id: delivery.id, created_at: delivery.createdAt, ...deliveryRow(delivery) })
      .onConflict(conflict => conflict.column('id').doNothing())
      .returning('seq')
      .executeTakeFirst()
    if (row) await dropOldDeliveries(db, delivery.createdAt - keepDeliveriesMs)
    return row !== undefined
  },

  async hookDeliveries({ due, at, limit }) {
    let query = db.selectFrom('hook_delivery').select('data')
    if (due !== undefined) query = query.where('due_at', '<=', due)
    if (at !== undefined) query = query.where('state_at', '=', at)
    return (await query.orderBy('seq').limit(limit).execute()).map(toDelivery)
  },

  moveHookDelivery: (id, from, to) =>
    db.transaction().execute(async transaction => {
      const lock = transaction
        .updateTable('hook_delivery')
        .set({ id })
        .where('id', '=', id)
        .where('state_key', '=', stateKey(from))
      const row = await lock.returning('data').executeTakeFirst()
      if (!row) return false
      await transaction
        .updateTable('hook_delivery')
        .set(deliveryRow({ ...toDelivery(row), state: to }))
        .where('id', '=', id)
        .execute()
      return true
    }),
})
