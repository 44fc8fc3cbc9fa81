// Several people's series fail alike: nobody is told at first. Through the whole flow, on a farm without machines, where a bad disk or the patches
// themselves are the reason.

import { afterEach, describe, expect, it } from 'vitest'
import { authorsOf } from '../fakes/authors.ts'
import type { Behaviour } from '../fakes/farm.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'

let open: Flow[] = []
afterEach(async () => {
  for (const flow of open) await flow.close()
  open = []
})

const well = { ending: { kind: 'finished' as const, exitCode: 0 } }

/** A tree with patches in it does not compile while `isBad`. */
const builds =
  (isBad: () => boolean): Behaviour =>
  ({ name }, { files }) => {
    const isPatched = [...files.values()].some(bytes => bytes.includes('Signed-off-by'))
    if (name === 'build' && isPatched && isBad()) {
      const output = 'src/tally.c:12:3: error: expected identifier\nmake: *** [Makefile:4: all] Error 1\n'
      return { ending: { kind: 'finished', exitCode: 2 }, output }
    }
    return name === 'all' ? { ...well, output: 'TAP version 13\n1..1\nok 1 - counts\n' } : well
  }

const play = async (isBad: () => boolean, pass?: (call: string) => void) => {
  const flow = await openFlow(builds(isBad), pass)
  open.push(flow)
  const { store, clock, post, found } = authorsOf(flow)
  const incident = async () =>
    (await store.incidents({ open: true })).find(({ trouble }) => trouble === 'alike-failures')
  const mailsTo = (name: string) =>
    flow.sent.filter(mail => mail.inReplyTo === `<${name}@example.org>`).length
  return { flow, clock, store, post, found, incident, mailsTo }
}

describe('series that fail to build alike', () => {
  it('of two people are told', async () => {
    const { post, found, incident } = await play(() => true)
    await post('Ann', 'Ben')
    expect(await found()).toEqual({ 'ann: better': 'build-broken', 'ben: better': 'build-broken' })
    expect(await incident()).toBeUndefined()
  })

  it('of three wait; when it was us, all are run again by themselves, and what was told is taken back', async () => {
    let isBad = true
    const { post, found, incident, clock, flow } = await play(() => isBad)
    await post('Ann', 'Ben', 'Cleo')
    expect(await found()).toMatchObject({ 'cleo: better': undefined })
    expect((await incident())?.about).toMatch(
      /^tally: "src\/tally.c:#:#: error: expected identifier" of step "build"/,
    )
    const told = flow.sent.length
    await flow.settle()
    expect(flow.sent.length).toBe(told)
    isBad = false
    await clock.advance(1_800_000)
    await flow.settle()
    expect(await incident()).toBeUndefined()
    expect(await found()).toEqual({
      'ann: better': 'all-well',
      'ben: better': 'all-well',
      'cleo: better': 'all-well',
    })
    expect(flow.leased()).toBe(0)
  })

  it('are told once they failed again on a fresh base line, and so is the next one', async () => {
    const { post, found, incident, clock, flow, store, mailsTo } = await play(() => true)
    await post('Ann', 'Ben', 'Cleo')
    await clock.advance(1_800_000)
    await flow.settle()
    expect(await incident()).toBeUndefined()
    expect((await found())['cleo: better']).toBe('build-broken')
    expect([mailsTo('Ann'), mailsTo('Ben'), mailsTo('Cleo')]).toEqual([1, 1, 1])
    // One for all of them, after the first one.
    expect(await store.baselines({ project: 'tally', limit: 10 })).toHaveLength(2)
    await post('Dora')
    expect((await found())['dora: better']).toBe('build-broken')
  })

  it('are told at once when an operator says that it is real', async () => {
    const { post, found, incident, store, clock, flow, mailsTo } = await play(() => true)
    await post('Ann', 'Ben', 'Cleo')
    const one = await incident()
    if (!one) throw new Error('there is no incident')
    await store.resolveIncidents(one, { at: clock.now(), how: 'the patches do it', real: true })
    await flow.settle()
    expect((await found())['cleo: better']).toBe('build-broken')
    expect(mailsTo('Cleo')).toBe(1)
    await post('Dora')
    expect((await found())['dora: better']).toBe('build-broken')
  })

  it('come to the same end when the process is killed at any point of it', async () => {
    const calls: string[] = []
    const whole = async (pass?: (call: string) => void) => {
      let at: 'before' | 'held' = 'before'
      const played = await play(
        () => true,
        call => at === 'held' && pass?.(call),
      )
      const { post, clock, flow } = played
      await post('Ann', 'Ben')
      at = 'held'
      const end = async () => {
        await post('Cleo')
        await clock.advance(1_800_000)
        await flow.settle()
      }
      return { ...played, end }
    }
    const undisturbed = await whole(call => void calls.push(call))
    await undisturbed.end()
    const expected = await undisturbed.found()
    const first = calls.indexOf('before store.addBlames')
    const places = Map.groupBy(
      [...calls.keys()].filter(i => i >= first),
      i => calls[i] ?? '',
    )
    const ofIncidents = /^(?:before|after) store\.(?:open|resolve)Incidents?$/
    const interesting = [...places].flatMap(([call, own]) => {
      if (ofIncidents.test(call)) return own
      const isIn = /^after store\.(?:addBlames|saveSeries|addVerdict)$/.test(call)
      return isIn ? [...new Set([...own.slice(0, 2), ...own.slice(-1)])] : []
    })
    expect(interesting.length).toBeGreaterThan(4)
    for (const at of interesting) {
      let count = 0
      let alive = true
      const { end, flow, found, mailsTo } = await whole(() => {
        if (alive && count++ === at) alive = false
        if (!alive) throw new Error('killed')
      })
      await end().catch(() => {})
      expect(alive, `call ${at} is reached`).toBe(false)
      alive = true
      count = Number.NEGATIVE_INFINITY
      await flow.restart()
      await end()
      expect(await found(), `killed at ${calls[at]}`).toEqual(expected)
      expect(mailsTo('Cleo'), `killed at ${calls[at]}`).toBe(1)
    }
  })
})
