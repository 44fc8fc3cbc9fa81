// Patches that came another way than as a posting on the list, through the whole flow: handed in by somebody, or sent in an answer.
import { afterEach, expect, it } from 'vitest'
import { handSource } from '../../src/model/mail.ts'
import { receive } from '../../src/stages/receive/receive.ts'
import type { Behaviour } from '../fakes/farm.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'
import { type Letter, letter, start } from '../fakes/list.ts'

let open: Flow[] = []
afterEach(async () => {
  for (const flow of open) await flow.close()
  open = []
})

const begin = async (behave: Behaviour): Promise<Flow> => {
  const flow = await openFlow(behave)
  open.push(flow)
  return flow
}

const finished = (exitCode: number, output = '') => ({
  ending: { kind: 'finished' as const, exitCode },
  output,
})

const refused = 'error: patch failed: src/a.c:1\nerror: src/a.c: patch does not apply\n'
const nothingApplies: Behaviour = ({ name }) =>
  name === 'apply' ? finished(42, `grapevine: applying patch 1\n${refused}`) : finished(0)
const allWell: Behaviour = ({ name }) =>
  finished(0, name === 'all' ? 'TAP version 13\n1..1\nok 1 - counts\n' : '')

const handIn = async ({ wired }: Flow, one: Letter) => {
  const given = { project: 'tally', listTags: [], mails: [letter(one)], cursor: undefined }
  await receive(wired)({ ...given, source: handSource(start) })
}

/** `author` or `author list`, for each mail that left. */
const heard = ({ sent }: Flow): string[] =>
  sent.map(({ to, cc }) => [...to, ...cc].map(({ address }) => address.split('@')[0]).join(' '))

const seriesOf = ({ wired }: Flow) => wired.store.seriesIn({})

it('what somebody hands in is answered to its author alone', async () => {
  const flow = await begin(nothingApplies)
  await handIn(flow, { subject: '[PATCH] top', id: 'top', file: 'src/a.c' })
  await flow.settle()
  const [series] = await seriesOf(flow)
  expect(series?.origin).toEqual({ from: 'hand' })
  expect(await flow.wired.store.verdict(series?.id ?? '')).toMatchObject({
    finding: { kind: 'does-not-apply' },
    told: { author: true, list: false, silence: { why: expect.stringContaining('handed it in') } },
  })
  expect(heard(flow)).toEqual(['ann'])
})

it('what is handed in does not wait for what it needs', async () => {
  const flow = await begin(allWell)
  const body = 'x\n\nDepends-on: <unknown@example.org>'
  await handIn(flow, { subject: '[PATCH] top', id: 'top', file: 'src/a.c', body })
  await flow.settle()
  const [series] = await seriesOf(flow)
  expect(await flow.wired.store.verdict(series?.id ?? '')).toMatchObject({
    ...{ finding: { kind: 'all-well' }, lacking: [{ id: '<unknown@example.org>' }] },
  })
})

it('the list is answered for what it brings, though that was handed in before', async () => {
  const flow = await begin(nothingApplies)
  const one = { subject: '[PATCH] top', id: 'top', file: 'src/a.c' }
  await handIn(flow, one)
  await flow.settle()
  await flow.bring([letter({ ...one, headers: ['List-Id: <tally-devel.example.org>'], at: 60 })])
  await flow.settle()
  expect((await seriesOf(flow)).map(({ origin, state }) => [origin.from, state.at])).toEqual([
    ['hand', 'superseded'],
    ['mail', 'planned'],
  ])
  expect(heard(flow)).toContain('ann tally-devel')
})

it('what is handed in takes no place of what the list brought', async () => {
  const flow = await begin(allWell)
  await flow.bring([letter({ subject: '[PATCH] top', id: 'top', file: 'src/a.c' })])
  await handIn(flow, { subject: '[PATCH v2] top', id: 'again', file: 'src/a.c', at: 60 })
  await flow.settle()
  expect((await seriesOf(flow)).map(({ origin, state }) => [origin.from, state.at])).toEqual([
    ['mail', 'planned'],
    ['hand', 'planned'],
  ])
})

/** A patch in an answer to another one; `from` and `to` are blob ids of the file. */
const answer = (from: string, to: string): Letter => ({
  ...{ subject: 'Re: [PATCH] ground', id: 'answer', re: 'ground', from: 'Bo <bo@example.org>', at: 5 },
  file: undefined,
  body: `Better so.\n\n-- >8 --\nSubject: [PATCH] on top\n\nSigned-off-by: Bo <bo@example.org>\n---\n src/a.c | 2 +-\n\ndiff --git a/src/a.c b/src/a.c\nindex ${from}..${to} 100644\n--- a/src/a.c\n+++ b/src/a.c\n@@ -1,2 +1,2 @@\n one\n-new\n+newer\n-- \n2.39.5`,
})

const ground = letter({ subject: '[PATCH] ground', id: 'ground', file: 'src/a.c' })

it('a patch in an answer that builds on what it answers goes in after it', async () => {
  const flow = await begin(allWell)
  await flow.bring([ground, letter(answer('2222222', '3333333'))])
  await flow.settle()
  const series = (await seriesOf(flow)).find(({ title }) => title === 'on top')
  const [job] = await flow.wired.store.jobsOf(series?.id ?? '')
  expect(job?.before?.map(({ title }) => title)).toEqual(['ground'])
})

it('one that does not apply is told to its author, not to the list', async () => {
  const flow = await begin(nothingApplies)
  await flow.bring([ground, letter(answer('7777777', '8888888'))])
  await flow.settle()
  const series = (await seriesOf(flow)).find(({ title }) => title === 'on top')
  expect((await flow.wired.store.jobsOf(series?.id ?? ''))[0]?.before).toBeUndefined()
  expect(heard(flow).sort()).toEqual(['ann tally-devel', 'bo'])
})
