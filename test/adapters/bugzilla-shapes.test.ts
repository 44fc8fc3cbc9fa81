// The test's Bugzilla answers as a real 5.2 did: the same statuses, numbers of errors, keys and types. Only where ours is used.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { bot, type FakeBugzilla, startBugzilla } from '../fakes/bugzilla/server.ts'

let server: FakeBugzilla
beforeEach(async () => {
  server = await startBugzilla()
  server.addBug({ keywords: ['regression'] })
  server.addBug({ groups: ['secret'] })
  server.addBug({ attachments: [{ id: 1, name: 'a.patch', type: 'text/plain', size: 53, isPrivate: false }] })
})
afterEach(() => server.close())

const person = '{email:string,id:number,name:string,real_name:string}'
const error = '{code:number,documentation:string,error:boolean,message:string}'
const bug = `{actual_time:number,alias:[],assigned_to:string,assigned_to_detail:${person},blocks:[],cc:[],cc_detail:[],classification:string,component:string,creation_time:string,creator:string,creator_detail:${person},deadline:null,depends_on:[],dupe_of:null,estimated_time:number,flags:[],groups:[],id:number,is_cc_accessible:boolean,is_confirmed:boolean,is_creator_accessible:boolean,is_open:boolean,keywords:[string],last_change_time:string,op_sys:string,platform:string,priority:string,product:string,qa_contact:string,remaining_time:number,resolution:string,see_also:[],severity:string,status:string,summary:string,target_milestone:string,update_token:string,url:string,version:string,whiteboard:string}`
const comment =
  '{attachment_id:null,bug_id:number,count:number,creation_time:string,creator:string,id:number,is_private:boolean,tags:[],text:string,time:string}'
const changes = (inner: string) => `{bugs:[{alias:[],changes:${inner},id:number,last_change_time:string}]}`
const change = '{added:string,removed:string}'

const shape = (value: unknown): string => {
  if (value === null) return 'null'
  if (Array.isArray(value)) return `[${value.length > 0 ? shape(value[0]) : ''}]`
  if (typeof value !== 'object') return typeof value
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${/^\d+$/.test(key) ? '<id>' : key}:${shape(inner)}`).join(',')}}`
}

type Asked = { method?: string; path: string; body?: unknown; anonymous?: true }

const ask = async ({ method = 'GET', path, body, anonymous }: Asked) => {
  const url = new URL(`${server.url}rest/${path}`)
  if (!anonymous && !url.searchParams.has('api_key')) url.searchParams.set('api_key', bot.key)
  const answer = await fetch(url, {
    ...{ method, headers: { accept: 'application/json' } },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const value: unknown = await answer.json()
  const code = (value as { code?: number }).code ?? 0
  return { status: answer.status, code, shape: shape(value) }
}

const put = (body: unknown): Asked => ({ method: 'PUT', path: 'bug/1', body })
const post = (body: unknown): Asked => ({ method: 'POST', path: 'bug/1/comment', body })
const draft = { product: 'Tally', component: 'core', summary: 's', version: '1', description: 'd' }
const site = { op_sys: 'Linux', rep_platform: 'PC' }

const cases: [asked: Asked, status: number, code: number, shape: string][] = [
  [{ path: 'version' }, 200, 0, '{version:string}'],
  [{ path: 'valid_login?login=bot@bugs.test' }, 200, 0, '{result:boolean}'],
  [{ path: 'whoami' }, 404, 32_614, error],
  [{ path: 'nope' }, 404, 32_614, error],
  [{ path: 'bug/1?api_key=bad' }, 400, 306, error],
  [{ path: 'bug/1' }, 200, 0, `{bugs:[${bug}],faults:[]}`],
  [{ path: 'bug/999999' }, 404, 101, error],
  [{ path: 'bug/0' }, 404, 101, error],
  [{ path: 'bug/alias' }, 400, 100, error],
  [{ path: 'bug/2' }, 401, 102, error],
  [{ path: 'bug/2/comment' }, 401, 102, error],
  [{ path: 'bug?id=1,2,999&include_fields=id,summary' }, 200, 0, '{bugs:[{id:number,summary:string}]}'],
  [{ path: 'bug?product=Tally&include_fields=id&offset=1' }, 400, 50, error],
  [{ path: 'bug?last_change_time=garbage' }, 400, 56, error],
  [{ path: 'bug?last_change_time=2030-01-01T00:00:00Z' }, 200, 0, '{bugs:[]}'],
  [{ path: 'bug/1/comment' }, 200, 0, `{bugs:{<id>:{comments:[${comment}]}},comments:{}}`],
  [{ path: 'bug/1/comment?ids=999999' }, 404, 101, error],
  [{ path: 'bug/1/comment?ids=2' }, 401, 102, error],
  [
    { path: 'bug/1/comment?new_since=2030-01-01T00:00:00Z' },
    200,
    0,
    '{bugs:{<id>:{comments:[]}},comments:{}}',
  ],
  [{ path: 'bug/1/comment?new_since=1700000000' }, 400, 56, error],
  [post({ comment: 'hello' }), 201, 0, '{id:number}'],
  [post({ comment: ' \n' }), 400, 50, error],
  [post({ text: 'wrong name' }), 400, 50, error],
  [post({ comment: 'é'.repeat(65_535) }), 201, 0, '{id:number}'],
  [post({ comment: 'a'.repeat(65_536) }), 400, 114, error],
  [post({ comment: 'x', is_private: true }), 401, 113, error],
  [post({ comment: 'x', is_markdown: true }), 201, 0, '{id:number}'],
  [{ ...post({ comment: 'x' }), anonymous: true }, 401, 410, error],
  [{ ...post({ comment: 'x' }), path: 'bug/2/comment' }, 401, 102, error],
  [put({ status: 'CONFIRMED' }), 200, 0, changes('{}')],
  [put({ status: 'RESOLVED' }), 400, 121, error],
  [put({ status: 'RESOLVED', resolution: 'NOPE' }), 404, 51, error],
  [put({ status: 'STAGED' }), 404, 51, error],
  [put({ resolution: 'FIXED' }), 400, 122, error],
  [put({ status: 'VERIFIED', resolution: 'FIXED' }), 400, 123, error],
  [
    put({ status: 'RESOLVED', resolution: 'FIXED' }),
    200,
    0,
    changes(`{resolution:${change},status:${change}}`),
  ],
  [put({ comment: 'string' }), 200, 100_500, error],
  [put({ see_also: { add: ['https://lists.test/m/1'] } }), 400, 112, error],
  [put({ see_also: { add: ['https://github.com/a/b/issues/1'] } }), 200, 0, changes(`{see_also:${change}}`)],
  [put({ whiteboard: '[x]' }), 200, 0, changes(`{whiteboard:${change}}`)],
  [put({ keywords: { add: ['nosuch'] } }), 404, 51, error],
  [put({ no_such_field: 1 }), 200, 0, changes('{}')],
  [
    { path: 'bug/3/attachment' },
    ...([200, 0] as const),
    '{attachments:{},bugs:{<id>:[{bug_id:number,content_type:string,creation_time:string,creator:string,data:string,file_name:string,flags:[],id:number,is_obsolete:number,is_patch:number,is_private:number,last_change_time:string,size:number,summary:string}]}}',
  ],
  [
    { path: 'user?names=bot@bugs.test' },
    ...([200, 0] as const),
    '{users:[{can_login:boolean,email:string,groups:[{description:string,id:number,name:string}],id:number,name:string,real_name:string,saved_reports:[],saved_searches:[]}]}',
  ],
  [
    { path: 'user?names=bot@bugs.test', anonymous: true },
    200,
    0,
    '{users:[{id:number,name:string,real_name:string}]}',
  ],
  [{ path: 'user?names=zzz@bugs.test' }, 404, 51, error],
  [{ method: 'POST', path: 'bug', body: { ...draft, ...site } }, 200, 0, '{id:number}'],
  [{ method: 'POST', path: 'bug', body: draft }, 400, 50, error],
  [{ method: 'POST', path: 'bug', body: { ...draft, ...site, component: 'nope' } }, 404, 51, error],
]

test('statuses, numbers and shapes are those of a 5.2', async () => {
  for (const [asked, status, code, expected] of cases) {
    const given = await ask(asked)
    expect({ asked, ...given }).toEqual({ asked, status, code, shape: expected })
    server.bugs.get(1) && Object.assign(server.bugs.get(1) ?? {}, { status: 'CONFIRMED', resolution: '' })
  }
})

test('other bugs that are asked about beside one are in the answer', async () => {
  const answer = await fetch(`${server.url}rest/bug/1/comment?ids=3&include_fields=id&api_key=${bot.key}`)
  const { bugs } = (await answer.json()) as { bugs: Record<string, unknown> }
  expect(Object.keys(bugs).sort()).toEqual(['1', '3'])
})

test('history and states have the shapes of a 5.2', async () => {
  await ask(put({ whiteboard: '[y]' }))
  expect((await ask({ path: 'bug/1/history' })).shape).toBe(
    '{bugs:[{alias:[],history:[{changes:[{added:string,field_name:string,removed:string}],when:string,who:string}],id:number}]}',
  )
  const values =
    'values:[{can_change_to:[{comment_required:boolean,name:string}],is_open:boolean,name:null,sort_key:number,sortkey:number,visibility_values:[]}]'
  expect((await ask({ path: 'field/bug/bug_status' })).shape).toBe(
    `{fields:[{display_name:string,name:string,${values}}]}`,
  )
})
