// What the test's Bugzilla answers: GET, POST and PUT below rest/.
import type { FakeBugzilla } from './server.ts'
import {
  type Account,
  changed,
  changesOf,
  components,
  type FakeBug,
  keptText,
  openStates,
  Refused,
  workflow,
} from './state.ts'
import { attachmentView, bugView, commentView, only, timeOf, userView } from './views.ts'

export type Asking = {
  method: string
  path: string[]
  query: URLSearchParams
  body: Record<string, unknown>
  asker: Account | undefined
  state: Omit<FakeBugzilla, 'url' | 'close'>
}
type Answer = [status: number, value: unknown]

const maySee = (bug: FakeBug, asker: Account | undefined) => bug.groups.length === 0 || asker?.secret === true

const nobugs = (name: string): never => {
  if (!/^\d+$/.test(name)) throw new Refused(400, 100, `'${name}' is not a bug number nor an alias.`)
  throw new Refused(404, 101, `Bug #${name} does not exist.`)
}

const bugOf = ({ state, asker }: Asking, name: string): FakeBug => {
  // A path of its own in newer ones.
  if (name === 'possible_duplicates') throw new Refused(400, 50, 'The function requires a summary argument.')
  const isIt = ({ alias }: FakeBug) => alias !== undefined && alias.toLowerCase() === name.toLowerCase()
  const bug = state.bugs.get(Number(name)) ?? [...state.bugs.values()].find(isIt) ?? nobugs(name)
  if (maySee(bug, asker)) return bug
  const more = asker === undefined ? ' To see this bug, you must first log in.' : ''
  throw new Refused(401, 102, `You are not authorized to access bug #${name}.${more}`)
}

/** webservice_email_filter: those who are not logged in see no domains. */
const shownTo =
  ({ state, asker }: Asking) =>
  (login: string) =>
    state.hideLogins && asker === undefined ? (login.split('@')[0] ?? '') : login

const seen = (asking: Asking, bug: FakeBug) => {
  const nameOf = (login: string) => asking.state.accounts.find(one => one.login === login)?.name ?? ''
  return only(bugView(bug, nameOf, shownTo(asking)), asking.query.get('include_fields'))
}

const dateOf = (text: string | null): number | undefined => {
  if (text === null) return undefined
  const at = Date.parse(/[Z+]/.test(text) ? text.replace(' ', '+') : `${text.replace(' ', 'T')}Z`)
  if (Number.isNaN(at) || /^\d+$/.test(text)) throw new Refused(400, 56, `'${text}' is not a legal date.`)
  return Math.floor(at / 1000)
}
const seconds = (at: number) => Math.floor(at / 1000)

/** Comments that are private are not there for others: their numbers are missing. */
const commentsOf = (asking: Asking, bug: FakeBug) => {
  const { query, asker, state } = asking
  const since = dateOf(query.get('new_since'))
  const comments = bug.comments
    .filter(one => !one.isPrivate || asker?.insider)
    .filter(one => one.visibleAt <= state.now)
    .filter(one => since === undefined || seconds(one.time) > since)
    .map(one => only(commentView(one, shownTo(asking)), query.get('include_fields')))
  return { bugs: { [bug.id]: { comments } }, comments: {} }
}

const matches = ({ query, state }: Asking, bug: FakeBug): boolean => {
  const since = dateOf(query.get('last_change_time'))
  if (since !== undefined && seconds(bug.changedAt) < since) return false
  const products = query.getAll('product')
  if (products.length > 0 && !products.includes(bug.product)) return false
  const creator = query.get('creator')
  if (creator !== null && creator !== bug.creator) return false
  const ids = query.getAll('id').flatMap(one => one.split(','))
  if (ids.length > 0 && !ids.includes(String(bug.id))) return false
  if (query.get('f1') === 'longdesc' && query.get('o1') === 'substring')
    return bug.comments.some(one => one.visibleAt <= state.now && one.text.includes(query.get('v1') ?? ''))
  return true
}

const orders: Record<string, (a: FakeBug, b: FakeBug) => number> = {
  changeddate: (a, b) => seconds(a.changedAt) - seconds(b.changedAt),
  'changeddate desc': (a, b) => seconds(b.changedAt) - seconds(a.changedAt),
  bug_id: (a, b) => a.id - b.id,
  'bug_id desc': (a, b) => b.id - a.id,
}

/** Bugs that are missing or restricted are left out without a word; limit=0 is no limit; count_only is not known. */
const search = (asking: Asking): Answer => {
  const { query, state, asker } = asking
  const limit = Number(query.get('limit') ?? 0)
  const offset = Number(query.get('offset') ?? 0)
  if (query.has('offset') && !query.has('limit')) throw new Refused(400, 50, 'requires a limit argument')
  const order = (query.get('order') ?? 'bug_id')
    .split(',')
    .flatMap(one => orders[one.trim().toLowerCase()] ?? [])
  const found = [...state.bugs.values()]
    .filter(bug => maySee(bug, asker) && matches(asking, bug))
    .sort((a, b) => order.reduce((sum, one) => sum || one(a, b), 0))
  return [
    200,
    { bugs: found.slice(offset, limit > 0 ? offset + limit : undefined).map(bug => seen(asking, bug)) },
  ]
}

const users = (asking: Asking): Answer => {
  const { state, asker, query } = asking
  const found = query.getAll('names').map(name => {
    const user = state.accounts.find(one => one.login === name)
    if (user === undefined) throw new Refused(404, 51, `There is no user named '${name}'.`)
    return only(userView(user, asker, shownTo(asking)), query.get('include_fields'))
  })
  return [200, { users: found }]
}

const statuses = (): Answer => {
  const value = (name: string | null, to: string[]) => ({
    ...{
      name,
      is_open: name === null || openStates.includes(name),
      sort_key: 0,
      sortkey: 0,
      visibility_values: [],
    },
    can_change_to: to.map(one => ({ name: one, comment_required: false })),
  })
  const values = [value(null, openStates), ...Object.entries(workflow).map(([name, to]) => value(name, to))]
  return [200, { fields: [{ name: 'bug_status', display_name: 'Status', values }] }]
}

const history = (asking: Asking, bug: FakeBug): Answer => {
  const since = dateOf(asking.query.get('new_since'))
  const entries = bug.history
    .filter(({ when }) => since === undefined || seconds(when) > since)
    .map(({ when, who, changes }) => ({ when: timeOf(when), who, changes }))
  return [200, { bugs: [{ id: bug.id, alias: [], history: entries }] }]
}

const create = ({ state, asker, body, query: _ }: Asking): Answer => {
  for (const [key, name] of [
    ['op_sys', 'a OS'],
    ['rep_platform', 'a Hardware'],
  ] as const)
    if (body[key] === undefined) throw new Refused(400, 50, `You must select/enter ${name}.`)
  const text = (key: string) => String(body[key] ?? '')
  const parts = components[text('product')]
  if (parts === undefined) throw new Refused(400, 106, 'no such product')
  if (!parts.includes(text('component')))
    throw new Refused(404, 51, `no component named '${text('component')}'`)
  const description = keptText(body.description, state.version)
  const isLossy = state.version === '5.0.6'
  const summary = isLossy ? text('summary').replace(/[\u{10000}-\u{10ffff}]/gu, '????') : text('summary')
  const creator = asker?.login ?? ''
  const bug = state.addBug({
    product: text('product'),
    component: text('component'),
    summary,
    creator,
    comments: [],
  })
  const [first] = bug.comments
  if (first) first.text = description
  return [200, { id: bug.id }]
}

const post = (asking: Asking, bug: FakeBug): Answer => {
  const { body, asker, state } = asking
  if (body.is_private && !asker?.insider) throw new Refused(401, 113, 'not allowed to mark as private')
  if (body.is_markdown !== undefined && state.version === '5.3.3')
    throw new Refused(400, 140, 'no Markdown here')
  const text = keptText(body.comment, state.version)
  const said = state.say(bug, { text, creator: asker?.login ?? '', isPrivate: body.is_private === true })
  return [201, { id: said.id }]
}

/** All or nothing. The answer does not say which comment it made. */
const put = (asking: Asking, bug: FakeBug): Answer => {
  const { body, asker, state } = asking
  if (typeof body.comment === 'string')
    throw new Refused(200, 100_500, `Can't use string ("${body.comment}") as a HASH ref`)
  if (asker === undefined) throw new Refused(401, 410, 'You must log in first.')
  const next = changed(bug, body, asker)
  const words = (body.comment as { body?: string } | undefined)?.body
  const text = words === undefined || words === '' ? undefined : keptText(words, state.version)
  const changes = changesOf(bug, next)
  Object.assign(bug, next)
  if (text !== undefined) state.say(bug, { text, creator: asker.login })
  if (changes.length > 0) {
    bug.history.push({ when: state.now, who: asker.login, changes })
    bug.changedAt = state.now
  }
  const said = Object.fromEntries(
    changes.map(({ field_name, removed, added }) => [field_name, { removed, added }]),
  )
  return [200, { bugs: [{ id: bug.id, alias: [], last_change_time: timeOf(bug.changedAt), changes: said }] }]
}

const ofBug = (asking: Asking, bug: FakeBug): Answer | undefined => {
  const { method, path, query } = asking
  switch (`${method} ${path[2] ?? ''}`) {
    case 'GET ':
      return [200, { bugs: [seen(asking, bug)], faults: [] }]
    case 'GET comment': {
      // `ids` beside the path asks about more bugs; one that is not to be seen spoils the answer for all.
      const all = [bug, ...query.getAll('ids').map(id => bugOf(asking, id))]
      const bugs = Object.assign({}, ...all.map(one => commentsOf(asking, one).bugs))
      return [200, { bugs, comments: {} }]
    }
    case 'GET history':
      return history(asking, bug)
    case 'GET attachment': {
      const open = bug.attachments.filter(one => !one.isPrivate || asking.asker?.insider)
      const shown = open.map(one => only(attachmentView(one, bug), query.get('include_fields')))
      return [200, { attachments: {}, bugs: { [bug.id]: shown } }]
    }
    case 'POST comment':
      return post(asking, bug)
    case 'PUT ':
      return put(asking, bug)
  }
  return undefined
}

const found = (asking: Asking): Answer | undefined => {
  const { method, path, query, asker, state } = asking
  const [first, second] = path
  if (first === 'bug' && second !== undefined) return ofBug(asking, bugOf(asking, second))
  switch (`${method} ${path.join('/')}`) {
    case 'GET version':
      return [200, { version: state.version }]
    case 'GET valid_login':
      return [200, { result: asker !== undefined && asker.login === query.get('login') }]
    case 'GET whoami':
      return state.version === '5.3.3' && asker
        ? [200, { id: 1, name: asker.login, real_name: asker.name }]
        : undefined
    case 'GET bug':
      return search(asking)
    case 'POST bug':
      return create(asking)
    case 'GET user':
      return users(asking)
    case 'GET field/bug/bug_status':
      return statuses()
  }
  return undefined
}

/** Throws Refused. */
export const routes = (asking: Asking): Answer => {
  const answer = found(asking)
  if (answer) return answer
  throw new Refused(
    404,
    32_614,
    `A REST API resource was not found for '${asking.method} /${asking.path.join('/')}'.`,
  )
}
