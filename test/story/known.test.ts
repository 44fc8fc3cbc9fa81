// A test fails that is known to fail: the author hears of the bug, not of a new failure; unless the patch makes it fail far more often.
import { afterEach, expect, test } from 'vitest'
import type { Sample } from '../../src/model/history.ts'
import { confirm, propose } from '../../src/model/known.ts'
import type { Behaviour } from '../fakes/farm.ts'
import { type Flow, openFlow, project } from '../fakes/flow.ts'
import { diff } from '../fakes/list.ts'

const bug = 'https://bugs.example.org/7'
let flow: Flow
afterEach(() => flow.close())

const images = project.recipe.test.images

/** With the patch the test fails in the first run, or always. */
const behave = (isBroken: boolean): Behaviour => {
  const failed = new Set<string>()
  return (command, guest) => {
    if (command.name !== 'all') return { ending: { kind: 'finished', exitCode: 0 } }
    const isPatched = [...guest.files.values()].some(bytes => bytes.includes('BREAKS'))
    const isFailing = isPatched && (isBroken || !failed.has(guest.image))
    if (isFailing) failed.add(guest.image)
    return {
      ending: { kind: 'finished', exitCode: isFailing ? 1 : 0 },
      output: `TAP version 13\n1..2\nok 1 - counts\n${isFailing ? 'not ok' : 'ok'} 2 - sums\n`,
    }
  }
}

/** On earlier bases it failed one time of so many. */
const earlier = (image: string, every: number): Sample[] =>
  Array.from({ length: 25 }, (_, i) => ({
    ...{ id: `${image}${i}`, project: 'tally', image, step: 'all', job: `j${i}`, run: `${image}-r${i}` },
    ...{ base: `${i}`.padStart(40, 'b'), series: undefined, author: undefined, host: 'here' },
    ...{ at: flow.wired.clock.now() - (i + 1) * 86_400_000, state: 'whole', only: undefined, count: 2 },
    failed: i % every === every - 1 ? [{ test: 'sums', message: '' }] : [],
  }))

const play = async ({ isBroken, every }: { isBroken: boolean; every: number }) => {
  flow = await openFlow(behave(isBroken))
  const { store, clock } = flow.wired
  const pattern = { step: 'all', test: 'sums', images: [], message: '' }
  const known = confirm(
    propose(
      { ...pattern, id: 'k0123456789abcde', project: 'tally', bug, seen: undefined },
      { why: 'it is', rate: { failed: 0, runs: 0 }, now: clock.now() },
    ),
    { by: 'olga', when: clock.now() },
  )
  if (!known) throw new Error('it was not confirmed')
  await store.addKnown(known)
  for (const image of images) await store.addSamples(earlier(image, every))
  const raw = [
    'From: Ann <ann@example.org>',
    'To: tally-devel@example.org',
    'Subject: [PATCH] count to ten',
    `Date: ${new Date(clock.now()).toUTCString()}`,
    'Message-ID: <patch@example.org>',
    '',
    `BREAKS\n\nSigned-off-by: Ann <ann@example.org>\n${diff('a.c')}`,
  ].join('\n')
  await flow.bring([{ raw: Buffer.from(raw), arrivedAt: clock.now(), where: 'here' }])
  await flow.settle()
  const [series] = await store.seriesIn({})
  const verdict = series && (await store.verdict(series.id))
  if (!verdict) throw new Error('there is no verdict')
  const mail = flow.sent.find(({ headers }) => 'X-Grapevine-Verdict' in headers)
  return { verdict, mail, known: (await store.knownFailures())[0] }
}

test('what its bug explains is told with the bug, and noted once for each run', async () => {
  const { verdict, mail, known } = await play({ isBroken: false, every: 5 })
  expect(verdict.finding.kind).toBe('all-well')
  for (const image of verdict.images)
    expect(image).toMatchObject({ newFailures: [], reported: [{ test: 'sums', bug }] })
  expect(mail?.text).toContain(bug)
  // The base's own runs of earlier days that it failed in are noted as well.
  const own = verdict.images.map(({ run }) => run)
  const last = known?.seen?.last?.map(({ run }) => run) ?? []
  expect(last.filter(run => own.includes(run))).toEqual(own)
  expect(new Set(last).size).toBe(last.length)
})

test('what its bug does not explain is not hidden by it', async () => {
  const { verdict, mail } = await play({ isBroken: true, every: 25 })
  expect(verdict.finding.kind).toBe('new-failures')
  expect(verdict.images[0]?.newFailures).toMatchObject([{ test: 'sums', kind: 'worse' }])
  expect(mail?.subject).not.toContain('well')
})
