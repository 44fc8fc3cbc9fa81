// Known failures beside the flow, on a real database with a tracker in memory: proposed, told, followed, retired, and back again.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Sample } from '../../src/model/history.ts'
import { confirm, type KnownFailure, propose } from '../../src/model/known.ts'
import type { ImageVerdict, Verdict } from '../../src/model/verdict.ts'
import type { Store } from '../../src/ports/store.ts'
import { bugAddress, decideKnown, findKnown, shortIds } from '../../src/stages/known/decide.ts'
import { bugsOf } from '../../src/wiring/bugs.ts'
import { knownMemory, noteKnown, tendKnown } from '../../src/wiring/known.ts'
import { fakeClock } from '../fakes/clock.ts'
import { type FakeTracker, fakeTracker } from '../fakes/tracker.ts'

const day = 86_400_000
const bug = 'https://bugs.example.org/7'

let store: Store
let clock = fakeClock()
let tracker: FakeTracker

beforeEach(async () => {
  store = await openStore({ folder: ':memory:' })
  clock = fakeClock()
  tracker = fakeTracker()
  tracker.put(bug, { is: 'open', comments: [] })
})
afterEach(() => store.close())

const image = 'debian'
const projectOf = (bases: number) => ({
  name: 'tally',
  recipe: { test: { images: [image] } },
  proof: { bases },
})

const config = {
  projects: [projectOf(5)],
  bot: { name: 'Grapevine', address: 'grapevine@example.org' },
  administrator: { name: 'Olga', address: 'olga@example.org' },
  host: 'here',
}

/** As a process that has just been started: nothing is remembered. */
const tend = (memory = knownMemory(), over: object = {}) =>
  tendKnown(
    {
      ...{ config, store, clock, log: () => {}, bugs: bugsOf([tracker]) },
      queue: { push: async () => {} },
      ...over,
    } as never,
    memory,
  )

let made = 0
const sample = (failed: string[], more: Partial<Sample> = {}): Sample => {
  made += 1
  return {
    ...{ id: `s${made}`, project: 'tally', image, step: 'all', job: `j${made}`, run: `r${made}` },
    ...{ base: `base${made}`, series: undefined, author: undefined, host: 'here', at: clock.now() },
    ...{ state: 'whole', only: undefined, count: 9 },
    failed: failed.map(name => ({ test: name, message: 'timed out after 3 s' })),
    ...more,
  }
}

/** Bases that were tested, one an hour; F, and the test failed there. */
const bases = async (word: string, more: Partial<Sample> = {}) => {
  for (const letter of word) {
    await clock.advance(3_600_000)
    await store.addSamples([sample(letter === 'F' ? ['net/dns'] : [], more)])
  }
}

const all = () => store.knownFailures()
const only = async (): Promise<KnownFailure> => {
  const [one, ...more] = await all()
  expect(more).toEqual([])
  if (!one) throw new Error('none is known')
  return one
}
const alerts = async () => (await store.repliesAt('pending')).map(({ mail }) => mail)
const told = async () => (await alerts()).map(({ subject }) => subject)

const proposed = (more: Partial<KnownFailure> = {}): KnownFailure => ({
  ...propose(
    {
      ...{ id: 'k0123456789abcde', project: 'tally', step: 'all', test: 'net/dns', images: [], message: '' },
      ...{ bug: undefined, seen: undefined },
    },
    { why: 'flaky', rate: { failed: 3, runs: 20 }, now: clock.now() },
  ),
  ...more,
})

const keepConfirmed = async (more: Partial<KnownFailure> = {}): Promise<KnownFailure> => {
  const known = confirm(proposed(more), { by: 'olga', when: clock.now(), bug })
  if (!known) throw new Error('it was not confirmed')
  await store.addKnown(known)
  return known
}

describe('a flaky test', () => {
  const wide = { ...config, projects: [projectOf(30)] }
  const look = () => tend(knownMemory(), { config: wide })

  test('is proposed once, with its numbers, and the administrator hears of it once', async () => {
    await bases('....F..F....F...')
    await look()
    expect(await only()).toMatchObject({
      ...{ project: 'tally', step: 'all', test: 'net/dns', images: [image], message: 'timed out after # s' },
      state: {
        ...{ at: 'proposed', rate: { failed: 3, runs: 16 }, told: true },
        why: 'failed in 3 of 16 runs without patches, on 3 bases',
      },
      seen: { times: 3 },
    })
    const [alert, ...more] = await alerts()
    expect(more).toEqual([])
    expect(alert?.subject).toBe(`Grapevine: a known failure? net/dns on ${image}`)
    expect(alert?.text).toContain('failed in 3 of 16 runs without patches, on 3 bases')
    expect(alert?.text).toContain('/grapevine known confirm ID https://bugs.example.org/123')
    await look()
    await clock.advance(day)
    await bases('F')
    await look()
    expect(await all()).toHaveLength(1)
    expect(await told()).toHaveLength(1)
    expect((await only()).seen).toMatchObject({ times: 4 })
  })

  test('that was rejected is not proposed again', async () => {
    await bases('....F..F....F...')
    await look()
    const { id } = await only()
    await decideKnown(store)(id, { do: 'reject', why: 'no' }, { by: 'olga', when: clock.now() })
    await bases('.F..F')
    await look()
    expect((await only()).state.at).toBe('rejected')
  })

  test('that is found later on the same day is told on the next one', async () => {
    await bases('....F..F....F...')
    await look()
    await store.addKnown(proposed({ id: 'k9', test: 'net/tcp', createdAt: clock.now() + 1 }))
    await clock.advance(1000)
    await look()
    expect(await told()).toHaveLength(1)
    await clock.advance(day)
    await look()
    expect(await told()).toEqual([
      `Grapevine: a known failure? net/dns on ${image}`,
      'Grapevine: a known failure? net/tcp',
    ])
  })

  test('is told once, wherever the process dies', async () => {
    await bases('....F..F....F...')
    for (const at of Array.from({ length: 12 }, (_, i) => i)) {
      let calls = 0
      const dying = new Proxy(store, {
        get: (target, key, receiver) => {
          const value: unknown = Reflect.get(target, key, receiver)
          if (typeof value !== 'function' || !/^(add|update|open|move)/.test(String(key))) return value
          return async (...given: unknown[]) => {
            if (calls++ >= at) throw new Error('killed')
            const result: unknown = await value.apply(target, given)
            if (calls++ >= at) throw new Error('killed')
            return result
          }
        },
      })
      await tend(knownMemory(), { config: wide, store: dying }).catch(() => {})
    }
    await look()
    expect(await told()).toHaveLength(1)
    expect((await only()).state).toMatchObject({ at: 'proposed', told: true })
    expect((await only()).seen?.times).toBe(3)
  })
})

test('what was told before the process died is not told on the next day', async () => {
  const dying = new Proxy(store, {
    get: (target, key, receiver) =>
      key === 'updateKnown' ? () => Promise.reject(new Error('killed')) : Reflect.get(target, key, receiver),
  })
  await keepConfirmed()
  tracker.put(bug, { is: 'gone', comments: [] })
  await store.addKnown(proposed({ id: 'k9', test: 'net/tcp' }))
  for (let tries = 0; tries < 2; tries++) await tend(knownMemory(), { store: dying }).catch(() => {})
  // The proposal stands in the way of all that comes after it.
  await store.updateKnown(
    proposed({ id: 'k9', state: { at: 'rejected', by: '', when: 0, why: '' } }),
    (await all())[1] as KnownFailure,
  )
  await tend(knownMemory(), { store: dying }).catch(() => {})
  expect(await told()).toHaveLength(2)
  await store.addKnown(proposed({ id: 'k8', test: 'net/udp', createdAt: 0 }))
  await clock.advance(day)
  await tend()
  expect(await told()).toHaveLength(2)
  expect((await all()).map(({ state, bugState }) => [state.at, bugState?.is])).toEqual([
    ['confirmed', 'gone'],
    ['rejected', undefined],
    ['proposed', undefined],
  ])
})

describe('the bug of a known failure', () => {
  test('is looked at once a day, however many failures it has', async () => {
    await keepConfirmed()
    await keepConfirmed({ id: 'k2', test: 'net/tcp' })
    await tend()
    await tend()
    expect(tracker.asked).toEqual([`look ${bug}`])
    expect((await all()).map(({ bugState }) => bugState?.is)).toEqual(['open', 'open'])
    await clock.advance(day)
    await tend()
    expect(tracker.asked).toHaveLength(2)
  })

  test('whose tracker does not answer is asked again after an hour, without a word', async () => {
    await keepConfirmed()
    const memory = knownMemory()
    tracker.down = true
    await tend(memory)
    await clock.advance(600_000)
    await tend(memory)
    expect(tracker.asked).toHaveLength(1)
    tracker.down = false
    await clock.advance(3_600_000)
    await tend(memory)
    expect((await only()).bugState?.is).toBe('open')
    expect(await told()).toEqual([])
  })

  test('of a tracker that nobody knows is nobody’s', async () => {
    await store.addKnown({ ...(await keepConfirmed()), id: 'k2', bug: 'https://elsewhere.example.org/1' })
    await tend()
    expect(tracker.asked).toEqual([`look ${bug}`])
    expect((await all())[1]?.bugState).toBeUndefined()
  })

  test.each(['gone', 'hidden'] as const)('that is %s is told once, and the failure stays known', async is => {
    await keepConfirmed()
    tracker.put(bug, { is, comments: [] })
    for (let days = 0; days < 3; days++) {
      await tend()
      await clock.advance(day)
    }
    expect((await only()).state.at).toBe('confirmed')
    expect(await told()).toEqual(['Grapevine: the bug of a known failure is gone: net/dns'])
    expect((await alerts())[0]?.text).toContain(bug)
  })

  test('that was changed while its tracker was asked keeps its new address', async () => {
    await keepConfirmed()
    const other = 'https://bugs.example.org/8'
    const slow = {
      ...tracker,
      look: async () => {
        await decideKnown(store)('k01', { do: 'bug', bug: other }, { by: 'olga', when: 1 })
        return { is: 'fixed' as const }
      },
    }
    await tend(knownMemory(), { bugs: bugsOf([slow]) })
    expect(await only()).toMatchObject({ bug: other })
    expect((await only()).bugState).toBeUndefined()
  })
})

describe('a known failure whose bug is fixed', () => {
  beforeEach(async () => {
    await keepConfirmed()
    tracker.put(bug, { is: 'fixed', comments: [] })
    await bases('F')
    await tend()
  })

  test('is retired when it was not seen on so many bases since', async () => {
    expect((await only()).bugState?.is).toBe('fixed')
    await bases('....')
    await tend()
    expect((await only()).state.at).toBe('confirmed')
    // The same base once more, a part of it, or one that tells nothing.
    await bases('.', { base: 'same' })
    await store.addSamples([
      sample([], { base: 'x', only: ['net/tcp'] }),
      sample([], { base: 'y', state: 'truncated' }),
    ])
    await tend()
    expect((await only()).state).toMatchObject({
      at: 'retired',
      why: 'its bug is fixed, and it was not seen on 5 bases since',
    })
    expect(await told()).toEqual([])
  })

  test('stays known as long as it is seen', async () => {
    await bases('....F....')
    await tend()
    expect((await only()).state.at).toBe('confirmed')
    await bases('.')
    await tend()
    expect((await only()).state.at).toBe('retired')
  })

  test('stays known if it is closed for another reason', async () => {
    await clock.advance(day)
    tracker.put(bug, { is: 'closed', comments: [] })
    await tend()
    await bases('......')
    await tend()
    expect((await only()).state.at).toBe('confirmed')
  })

  describe('and is seen again', () => {
    beforeEach(async () => {
      await bases('.....')
      await tend()
      expect((await only()).state.at).toBe('retired')
    })

    test('comes back: its bug is opened again with one comment, and the administrator hears of it', async () => {
      await bases('F')
      await tend()
      await tend()
      expect(await only()).toMatchObject({ state: { at: 'confirmed', by: 'seen again' }, seen: { times: 2 } })
      expect((await only()).state).not.toHaveProperty('returned')
      expect(tracker.bugs.get(bug)).toMatchObject({
        is: 'open',
        comments: [{ text: expect.stringMatching(/fails again/) }],
      })
      expect(await told()).toEqual(['Grapevine: a known failure is back: net/dns'])
      expect((await alerts())[0]?.text).toContain('I opened its bug again')
      expect((await only()).bugState?.is).toBe('open')
    })

    test('not on a base that was tested before it was retired, nor with a patch', async () => {
      const [old] = await store.samples({ project: 'tally', limit: 1 })
      await bases('F', { base: old?.base ?? '' })
      await bases('F', { series: 's1', author: 'ann@example.org' })
      await tend()
      expect((await only()).state.at).toBe('retired')
      expect(await told()).toEqual([])
    })

    test('while its tracker does not answer: told at once, opened later', async () => {
      tracker.down = true
      const memory = knownMemory()
      await bases('F')
      await tend(memory)
      expect((await alerts())[0]?.text).toContain('Its tracker does not answer')
      await clock.advance(1_800_000)
      await tend(memory)
      tracker.down = false
      await clock.advance(1_800_000)
      await tend(memory)
      expect(tracker.bugs.get(bug)?.comments).toHaveLength(1)
      expect(await told()).toHaveLength(1)
      expect((await only()).state).not.toHaveProperty('returned')
    })

    test('and its bug cannot be opened: a person is asked', async () => {
      tracker.put(bug, { is: 'hidden', comments: [] })
      await bases('F')
      await tend()
      const text = (await alerts()).map(mail => mail.text.replace(/\s+/g, ' ')).join()
      expect(text).toContain(
        'I could not open its bug again (https://bugs.example.org/: you are not authorized). Please do that:',
      )
      expect((await only()).state).not.toHaveProperty('returned')
    })

    test('is done once, wherever the process dies', async () => {
      await bases('F')
      for (const at of Array.from({ length: 14 }, (_, i) => i)) {
        let calls = 0
        const mortal = <T extends object>(port: T): T =>
          new Proxy(port, {
            get: (target, key, receiver) => {
              const value: unknown = Reflect.get(target, key, receiver)
              if (typeof value !== 'function' || !/^(add|update|reopen)/.test(String(key))) return value
              return async (...given: unknown[]) => {
                if (calls++ >= at) throw new Error('killed')
                const result: unknown = await value.apply(target, given)
                if (calls++ >= at) throw new Error('killed')
                return result
              }
            },
          })
        const ports = { store: mortal(store), bugs: mortal(bugsOf([tracker])) }
        await tend(knownMemory(), ports).catch(() => {})
      }
      await tend()
      expect(tracker.bugs.get(bug)?.comments).toHaveLength(1)
      expect(await told()).toHaveLength(1)
      expect(await only()).toMatchObject({ state: { at: 'confirmed' }, seen: { times: 2 } })
    })
  })
})

describe('a verdict', () => {
  const other = { step: 'all', test: 'net/dns', message: 'timed out' }
  const proven = { with: { failed: 1, runs: 2 }, without: { failed: 1, runs: 2 } }
  const verdict = (run: string, more: Partial<ImageVerdict>): Verdict => ({
    ...{ series: 's', job: 'j', decidedAt: clock.now(), buildLog: undefined, finding: { kind: 'all-well' } },
    base: { commit: `b-${run}`, name: 'main' },
    images: [
      {
        ...{ image, kind: 'passed', passed: 1, known: 0, newFailures: [], mended: [], broken: [], why: '' },
        ...{ log: undefined, run, command: '' },
        ...more,
      },
    ],
  })
  const note = (given: Verdict) => noteKnown(store, { project: 'tally', verdict: given })

  test('that calls it known has seen it, once', async () => {
    await keepConfirmed()
    const reported = verdict('r1', { reported: [{ ...other, bug }] })
    await note(reported)
    await note(reported)
    expect((await only()).seen).toMatchObject({ times: 1, run: 'r1' })
    await note(
      verdict('r2', {
        unclear: [other],
        newFailures: [{ ...other, ending: { kind: 'finished', exitCode: 1 } }],
      }),
    )
    expect((await only()).seen).toMatchObject({ times: 1 })
  })

  test('brings back what was retired only where it failed without the patch', async () => {
    const known = await keepConfirmed()
    await decideKnown(store)(known.id, { do: 'retire', why: 'mended' }, { by: 'olga', when: clock.now() })
    await clock.advance(1000)
    await note(
      verdict('r1', { flaky: [{ ...other, proof: { ...proven, without: { failed: 0, runs: 2 } } }] }),
    )
    expect((await only()).state.at).toBe('retired')
    await note(verdict('r2', { flaky: [{ ...other, proof: proven }] }))
    expect((await only()).state.at).toBe('confirmed')
  })
})

describe('ids', () => {
  const [a, b] = [proposed({ id: 'k111111aaaaaaaaa' }), proposed({ id: 'k111111bbbbbbbbb' })]

  test('are short, and mean one', () => {
    expect(shortIds(['k123456789abcdef', 'k923456789abcdef'])('k123456789abcdef')).toBe('k12345')
    expect(shortIds([a.id, b.id])(a.id)).toBe('k111111a')
    expect(findKnown([a, b], 'K111111a')).toEqual({ known: a })
    expect(findKnown([a, b], 'k111')).toEqual({
      no: '2 known failures begin with k111: k111111aaaaaaaaa, k111111bbbbbbbbb',
    })
    for (const none of ['k2', '', 'x', '%', '111111a']) expect(findKnown([a, b], none)).toHaveProperty('no')
  })

  test.each([
    ['https://bugs.example.org/1', 'https://bugs.example.org/1'],
    ['<https://bugs.example.org/show_bug.cgi?id=1>', 'https://bugs.example.org/show_bug.cgi?id=1'],
    ['https://bugs.example.org/', undefined],
    ['javascript:alert(1)', undefined],
    ['https://user:secret@bugs.example.org/1', undefined],
    ['file:///etc/passwd', undefined],
    ['see bug 12', undefined],
    [`https://bugs.example.org/${'x'.repeat(600)}`, undefined],
  ])('the address of a bug: %s', (text, address) => {
    expect(bugAddress(text)).toBe(address)
  })
})
