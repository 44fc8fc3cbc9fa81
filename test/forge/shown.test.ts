// What GitHub shows of a pull request while it is tested and when its verdict is there. Golden files of what people read there (vitest -u).
import { afterEach, expect, test } from 'vitest'
import { Fault } from '../../src/model/fault.ts'
import type { Series } from '../../src/model/series.ts'
import type { Check } from '../../src/ports/forge.ts'
import type { FakeClock } from '../fakes/clock.ts'
import type { Behaviour } from '../fakes/farm.ts'
import { pullOf, rateLimit } from '../fakes/forge.ts'
import { letter } from '../fakes/list.ts'
import { headOf, openPulls } from '../fakes/pulls.ts'

type Pulls = Awaited<ReturnType<typeof openPulls>>
let pulls: Pulls
afterEach(() => pulls.flow.close())

const well = { kind: 'finished' as const, exitCode: 0 }
const tap = (failing: string[]): string =>
  `1..3\n${['adds', 'counts', 'wraps']
    .map((name, n) =>
      failing.includes(name)
        ? `not ok ${n + 1} - ${name}\n# a.c:2: expected 10, got \`@everybody\` <b>11</b>`
        : `ok ${n + 1} - ${name}`,
    )
    .join('\n')}\n`

/** Is a patch in? A build's clone holds the mail; a test's, what was built of it. */
const isPatched = ({ files }: Parameters<Behaviour>[1]): boolean =>
  [...files.values()].some(bytes => bytes.includes('Because'))

const passing: Behaviour = ({ name }) => ({ ending: well, output: name === 'all' ? tap([]) : '' })

const failing: Behaviour = (command, guest) => {
  if (command.name !== 'all') return { ending: well }
  const fails = isPatched(guest) && guest.image === 'busybox'
  return { ending: { ...well, exitCode: fails ? 1 : 0 }, output: tap(fails ? ['counts'] : []) }
}

const unbuilt: Behaviour = (command, guest) => {
  if (command.name !== 'build' || !isPatched(guest)) return passing(command, guest)
  const output =
    'cc -c a.c\na.c:1:1: error: beside it\na.c:2:5: error: use of `undeclared` |x|\n    2 | neu\n      | ^\nb.c:1:1: error: elsewhere\n'
  return { ending: { ...well, exitCode: 2 }, output }
}

/** Without what makes a pull request of each. */
const saveAsIs = (series: Series) => pulls.save([series])

const post = async (subject = '[PATCH] count: better', at = 0) => {
  await pulls.flow.bring([letter({ subject, id: subject, file: 'a.c', at })])
  await pulls.flow.settle()
}

const marks = (check: Check): string[] =>
  check.annotations.map(
    ({ path, startLine, level, title, message }) => `@ ${path}:${startLine} ${level}: ${title}: ${message}`,
  )

/** Everything that people see, as one text. */
const asText = ({ forge }: Pulls): string =>
  [
    ...[...forge.checks.values()].flatMap(check => [
      `=== ${check.name}: ${check.conclusion ?? check.status}: ${check.title}`,
      ...(check.url === undefined ? [] : [check.url.replace(/[0-9a-f-]{36}/, 'RUN')]),
      check.summary.replace(/[0-9a-f-]{36}/g, 'RUN'),
      ...(check.text === undefined ? [] : ['---', check.text]),
      ...marks(check),
    ]),
    ...[...forge.comments.values()].flatMap(({ text }) => ['=== comment', text]),
    '',
  ].join('\n')

const golden = (name: string) => expect(asText(pulls)).toMatchFileSnapshot(`golden/${name}.md`)

test('each check goes its way from waiting to its end, and all is said in the marks', async () => {
  pulls = await openPulls(async (command, guest) => {
    await pulls.show()
    return passing(command, guest)
  })
  await post()
  await pulls.show()
  expect(pulls.forge.shown()).toEqual({
    'grapevine/build': 'success: Applies and builds',
    'grapevine/debian': 'success: 3 tests passed',
    'grapevine/busybox': 'success: 3 tests passed',
  })
  const of = (name: string) => pulls.forge.writes.filter(one => one.startsWith(`check ${name}`))
  expect(of('grapevine/build').map(one => one.split(' ')[2])).toEqual(
    expect.arrayContaining(['in_progress', 'completed']),
  )
  expect(of('grapevine/busybox').map(one => one.split(' ')[2])).toEqual(
    expect.arrayContaining(['queued', 'in_progress', 'completed']),
  )
  expect(pulls.forge.comments.size).toBe(0)
})

test('what stands there already is not written again', async () => {
  pulls = await openPulls(passing)
  await post()
  await pulls.show()
  const before = pulls.forge.writes.length
  await pulls.show()
  pulls.restart()
  await pulls.show()
  expect(pulls.forge.writes.length).toBe(before)
})

test('a quiet round asks the store a few things, however many pull requests are open', async () => {
  pulls = await openPulls(passing)
  await post()
  const [one] = await pulls.store.seriesIn({})
  if (one?.origin.from !== 'forge') throw new Error('there is no series')
  const { store } = pulls.flow.wired
  const { origin } = one
  for (let number = 100; number < 300; number++) {
    const id = `s${number}`
    await store.savePull(pullOf({ number, head: headOf(1), series: id }))
    const of = { ...origin, pull: { ...origin.pull, number } }
    await saveAsIs({ ...one, id, origin: of, state: { at: 'held', why: 'nobody knows its author' } })
  }
  await pulls.show()
  const writes = pulls.forge.writes.length
  expect(writes).toBeGreaterThan(400)
  const asked: string[] = []
  const counted = new Proxy(store, {
    get(target, name: keyof typeof store) {
      if (name !== 'close') asked.push(name)
      return target[name]
    },
  })
  pulls.flow.wired.store = counted
  await pulls.show()
  expect(asked).toEqual(['pulls', 'seriesMarks'])
  // What somebody changes is seen by the next round, and nothing else is read for it.
  asked.length = 0
  await saveAsIs({ ...one, id: 's123', state: { at: 'held', why: 'another reason' } })
  await pulls.show()
  expect(asked.filter(name => name === 'series')).toHaveLength(1)
  expect(pulls.forge.writes.length).toBeGreaterThan(writes)
})

test('a new failure: the image that fails, a comment, links and a mark on the line', async () => {
  pulls = await openPulls(failing, { url: 'https://grapevine.example.org' })
  await post()
  await pulls.show()
  expect(pulls.forge.shown()).toMatchObject({
    'grapevine/build': 'success: Applies and builds',
    'grapevine/debian': 'success: 3 tests passed',
  })
  await golden('new-failure')
})

test('a change that does not build: errors stand on its lines, and on no other', async () => {
  pulls = await openPulls(unbuilt)
  await post()
  await pulls.show()
  await golden('build-broken')
})

test('a newer version ends what was begun of the older one, and the comment is edited in place', async () => {
  pulls = await openPulls(failing)
  await post()
  await pulls.show()
  const [comment] = pulls.forge.comments.values()
  await post('[PATCH v2] count: better', 5)
  await pulls.show()
  const [edited, ...more] = pulls.forge.comments.values()
  expect(more).toEqual([])
  expect(edited?.id).toBe(comment?.id)
  expect(edited?.text).toContain(headOf(2).slice(0, 12))
  expect(edited?.text).not.toContain(headOf(1).slice(0, 12))
})

test('while it is tested again, the comment does not keep the old words', async () => {
  pulls = await openPulls(failing)
  await post()
  await pulls.show()
  const [one] = await pulls.store.seriesIn({})
  if (!one) throw new Error('there is no series')
  const wish = { images: ['debian'] }
  await pulls.store.saveSeries([{ ...one, round: 1, state: { at: 'complete' }, wish }])
  await pulls.show()
  const text = () => [...pulls.forge.comments.values()].map(({ text }) => text.split('\n\n').slice(0, 3))
  expect(text()[0]?.[0]).toBe(
    `**It is being tested** (\`${headOf(1).slice(0, 12)}\`). What is found will stand here.`,
  )
  await pulls.flow.settle()
  await pulls.show()
  const only = 'Only `debian` was asked for this time; the other checks stand as they were.'
  expect(text()[0]?.[0]).toContain('**All is well**')
  expect(text()[0]?.[2]).toBe(only)
})

test('what was refused for good is no reason to wait with something else', async () => {
  pulls = await openPulls(passing)
  const { putCheck } = pulls.forge
  pulls.forge.putCheck = async (repository, check, known) => {
    if (check.status !== 'completed') throw new Fault('refused', 'never', 'GitHub does not like it')
    return putCheck(repository, check, known)
  }
  await pulls.flow.bring([letter({ subject: '[PATCH] count: better', id: 'one', file: 'a.c' })])
  await pulls.show()
  await pulls.flow.settle()
  await pulls.show()
  expect(Object.keys(pulls.forge.shown())).toHaveLength(3)
})

test('what is begun and then closed ends as cancelled', async () => {
  let seen = false
  pulls = await openPulls(async command => {
    if (command.name === 'all' && !seen) {
      seen = true
      await pulls.show()
      const [one] = await pulls.store.pulls({})
      if (one) await pulls.pull({ ...one, state: 'closed' })
      pulls.restart()
      await pulls.show()
      expect(pulls.forge.shown()).toMatchObject({
        'grapevine/busybox': 'cancelled: Not tested any more',
        'grapevine/debian': 'cancelled: Not tested any more',
      })
    }
    return { ending: well, output: command.name === 'all' ? tap([]) : '' }
  })
  await post()
  expect(seen).toBe(true)
})

test('while GitHub is away nothing is lost: it follows when it is back', async () => {
  pulls = await openPulls(failing)
  pulls.forge.away = rateLimit()
  await post()
  await pulls.show()
  await pulls.show()
  expect(pulls.forge.writes).toEqual([])
  pulls.forge.away = undefined
  await pulls.show()
  expect(pulls.forge.writes).toEqual([])
  await (pulls.flow.wired.clock as FakeClock).advance(3_600_000)
  await pulls.show()
  expect(Object.keys(pulls.forge.shown()).sort()).toEqual([
    ...['grapevine/build', 'grapevine/busybox', 'grapevine/debian'],
  ])
  expect(pulls.forge.comments.size).toBe(1)
  expect(await pulls.store.shown({ trouble: true })).toEqual([])
})

test('what stands at a pull request that is over is forgotten in time', async () => {
  pulls = await openPulls(failing)
  await post()
  await pulls.show()
  const later = () => (pulls.flow.wired.clock as FakeClock).advance(40 * 86_400_000)
  await later()
  await pulls.show()
  expect(await pulls.store.shown({})).toHaveLength(4)
  const [one] = await pulls.store.pulls({})
  if (one) await pulls.pull({ ...one, state: 'closed' })
  await pulls.show()
  await later()
  await pulls.show()
  expect(await pulls.store.shown({})).toEqual([])
})

test('a head that cannot be tested says why', async () => {
  pulls = await openPulls(passing)
  await pulls.pull({ unusable: 'its history has nothing to do with main' })
  await pulls.show()
  await golden('unusable')
})

test('while the bot is not live, nobody sees anything', async () => {
  pulls = await openPulls(failing)
  const { config } = pulls.flow.wired
  pulls.flow.wired.config = { ...config, mail: { ...config.mail, live: false } }
  await post()
  await pulls.show()
  expect(pulls.forge.writes).toEqual([])
})
