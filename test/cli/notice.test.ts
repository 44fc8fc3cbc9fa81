// What operators do about notices, as they type it.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { fileJournal } from '../../src/adapters/journal/files.ts'
import { newIncident } from '../../src/model/incident.ts'
import type { Journal } from '../../src/ports/journal.ts'
import type { Store } from '../../src/ports/store.ts'
import { noticeLetter } from '../../src/stages/notice/letter.ts'
import { series } from '../contract/samples.ts'
import { smallHome } from './small.ts'

const bin = new URL('../../bin/grapevine', import.meta.url).pathname

let store: Store
let journal: Journal
const { folder } = smallHome('notice', given => {
  store = given
})
beforeEach(() => {
  journal = fileJournal({ folder: join(folder(), 'data', 'journal') })
})

const grapevine = (...args: string[]) => {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, SUDO_USER: 'olga' }
  const { status, stdout, stderr } = spawnSync(bin, ['notice', ...args], {
    cwd: folder(),
    encoding: 'utf8',
    env,
  })
  return { status, out: stdout + stderr }
}

const held = () =>
  noticeLetter({
    ...{
      of: { incident: 'i1' },
      kind: 'first',
      to: { list: 'tally' },
      subject: 'Grapevine: results are late',
    },
    ...{
      template: 'alert',
      variables: { text: 'Some words.' },
      root: undefined,
      nextWord: 9,
      said: {},
      held: true,
    },
    ...{ now: Date.UTC(2026, 0, 5, 12), live: true, host: 'here' },
    bot: { name: 'Grapevine', address: 'grapevine@example.org' },
    administrator: { name: '', address: 'ada@example.org' },
    list: { name: '', address: 'tally-devel@example.org' },
  })

test('lists what waits, shows it and drops it', async () => {
  expect(grapevine('list').out).toBe('no notice waits\n')
  const notice = held()
  await journal.addNotice(notice)
  const listed = grapevine('list').out
  for (const word of [
    notice.id,
    '2026-01-05 12:00 UTC',
    'i1',
    'first',
    'tally',
    'waits for an operator’s word',
  ])
    expect(listed).toContain(word)
  const shown = grapevine('show', notice.id.slice(0, 6)).out
  for (const word of ['to          tally-devel@example.org', 'Some words.']) expect(shown).toContain(word)
  expect(grapevine('drop', notice.id).out).toBe(
    `notice ${notice.id} will not be sent, and tally hears nothing more of i1\n`,
  )
  expect(grapevine('list', '--all').out).toContain('not sent: dropped by olga')
  const again = grapevine('drop', notice.id)
  expect([again.status, again.out]).toEqual([
    ...[64, expect.stringContaining('cannot be dropped: not sent: dropped by olga')],
  ])
  expect(grapevine('show', 'n0').out).toContain('there is no notice n0')
})

test('shows what would be said of an incident, and keeps nothing', async () => {
  await store.saveSeries([series('s1', { title: 'tally: count to 20', state: { at: 'complete' } })])
  const affects = { hosts: ['farm1'], images: [], projects: ['tally'], series: ['s1'] }
  const given = { id: 'i3f2a', trouble: 'host-lost', host: 'farm1', about: 'farm1', since: 0 } as const
  await store.openIncident(newIncident({ ...given, detail: 'no word', affects }))
  const { out } = grapevine('preview', 'i3f')
  for (const word of ['The test machine farm1 has not answered since', 'tally: count to 20'])
    expect(out).toContain(word)
  expect(await journal.notices()).toEqual([])
  expect(grapevine('preview', 'i9').out).toContain('there is no incident i9')
})
