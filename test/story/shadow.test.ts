// After the storm: what ran in the shadow of an incident is run again by itself. Through the whole flow, on a farm without machines, whose
// disk lies for a while.

import { afterEach, describe, expect, it } from 'vitest'
import type { Incident } from '../../src/model/incident.ts'
import { render } from '../../src/text/render.ts'
import { openAlarm } from '../../src/wiring/alarm.ts'
import { standing } from '../../src/wiring/command-series.ts'
import { host } from '../contract/samples.ts'
import { authorsOf } from '../fakes/authors.ts'
import type { Behaviour } from '../fakes/farm.ts'
import { type Flow, openFlow } from '../fakes/flow.ts'

let open: Flow[] = []
afterEach(async () => {
  for (const flow of open) await flow.close()
  open = []
})

const well = { ending: { kind: 'finished' as const, exitCode: 0 } }

/** Each patched tree fails to compile in a way of its own while `isBad`; or the guests' disks fail. */
const builds =
  (isBad: () => 'compiler' | 'disk' | 'base' | undefined): Behaviour =>
  ({ name }, { files, run }) => {
    const bad = isBad()
    const patch = [...files.values()].find(bytes => bytes.includes('Signed-off-by'))?.toString('latin1')
    if (bad === 'disk' && name === 'all')
      return { ending: { kind: 'disk-error', detail: 'I/O error, dev vda' } }
    if (name === 'build' && bad === 'base') {
      const output = 'src/tally.c:1:1: error: unknown type name\nmake: *** [Makefile:4: all] Error 1\n'
      return { ending: { kind: 'finished', exitCode: 2 }, output }
    }
    if (name === 'build' && patch && bad === 'compiler') {
      const file = /^\+\+\+ b\/(\S+)/m.exec(patch)?.[1] ?? run
      const output = `${file}:1:1: error: stray character in ${file}\nmake: *** [Makefile:4: all] Error 1\n`
      return { ending: { kind: 'finished', exitCode: 2 }, output }
    }
    return name === 'all' ? { ...well, output: 'TAP version 13\n1..1\nok 1 - counts\n' } : well
  }

type Bad = 'compiler' | 'disk' | 'base' | undefined

const play = async (pass?: (call: string) => void) => {
  const world: { bad: Bad } = { bad: undefined }
  const flow = await openFlow(
    builds(() => world.bad),
    pass,
  )
  open.push(flow)
  const { store, clock, post, found } = authorsOf(flow)
  const alarm = openAlarm(flow.wired, 'here')
  const mailsTo = (name: string) =>
    flow.sent.filter(
      mail => mail.inReplyTo === `<${name}@example.org>` || mail.references.includes(`<${name}@example.org>`),
    )
  const incident = async (): Promise<Incident | undefined> => (await store.incidents())[0]
  const titles = async () =>
    Promise.all(((await incident())?.affects.series ?? []).map(async id => (await store.series(id))?.title))
  const pass_ = async (ms: number) => {
    await clock.advance(ms)
    await flow.settle()
  }
  return { world, flow, store, clock, alarm, post, found, mailsTo, incident, titles, pass: pass_ }
}

const damaged = ['image-damaged', 'debian', 'its bytes have changed'] as const

describe('what ran on an image that was damaged', () => {
  it('is run again when it is mended: who was blamed hears of it once more, who was not does not', async () => {
    const { world, post, found, mailsTo, alarm, flow, titles, pass, incident } = await play()
    await post('Ann')
    world.bad = 'compiler'
    await post('Ben')
    expect(await found()).toEqual({ 'ann: better': 'all-well', 'ben: better': 'build-broken' })
    await alarm.raise(...damaged)
    await pass(60_000)
    // There is no other host: nothing more can be said before it is mended.
    expect(await found()).toMatchObject({ 'ben: better': 'build-broken' })
    expect(mailsTo('Ben')).toHaveLength(1)
    world.bad = undefined
    await alarm.clear('image-damaged', 'debian', 'built again, and it boots')
    await flow.settle()
    expect(await found()).toEqual({ 'ann: better': 'all-well', 'ben: better': 'all-well' })
    expect(mailsTo('Ann')).toHaveLength(1)
    expect(mailsTo('Ben')).toHaveLength(2)
    const [first, correction] = mailsTo('Ben')
    expect(correction?.inReplyTo).toBe(first?.messageId)
    expect(correction?.text).toContain('All is well')
    expect(await titles()).toEqual(['ben: better'])
    expect((await incident())?.log.at(-1)?.what).toBe(
      'one series is run again, as what ran then proves nothing',
    )
    await pass(3_600_000)
    expect(mailsTo('Ben')).toHaveLength(2)
  })

  it('is not told while it lasts, and then only what is true', async () => {
    const { world, post, found, mailsTo, alarm, titles, flow, pass } = await play()
    world.bad = 'compiler'
    await alarm.raise(...damaged)
    await post('Ann', 'Ben')
    expect(await found()).toEqual({ 'ann: better': undefined, 'ben: better': undefined })
    expect(flow.sent).toEqual([])
    await pass(120_000)
    expect((await titles()).sort()).toEqual(['ann: better', 'ben: better'])
    expect(flow.sent).toEqual([])
    const status = async () => {
      const [one] = await flow.wired.store.seriesIn({})
      if (one === undefined) throw new Error('there is none')
      const { variables } = await standing(flow.wired, one, { sender: one.author.address })
      const mail = { ...variables, live: true, intended: '', administrator: 'Olga' }
      return render('answer-status', mail).join(' ')
    }
    expect(await status()).toContain('there is trouble on my side')
    world.bad = undefined
    await alarm.clear('image-damaged', 'debian', 'built again')
    await flow.settle()
    expect(await found()).toEqual({ 'ann: better': 'all-well', 'ben: better': 'all-well' })
    expect([mailsTo('Ann').length, mailsTo('Ben').length]).toEqual([1, 1])
    expect(await titles()).toHaveLength(2)
    expect(await status()).not.toContain('trouble')
    await pass(3_600_000)
    expect(flow.sent).toHaveLength(2)
  })

  it('that is still so on the whole image is told, once', async () => {
    const { world, post, found, mailsTo, alarm, flow } = await play()
    world.bad = 'compiler'
    await alarm.raise(...damaged)
    await post('Ann')
    await alarm.clear('image-damaged', 'debian', 'built again')
    await flow.settle()
    expect(await found()).toEqual({ 'ann: better': 'build-broken' })
    expect(mailsTo('Ann')).toHaveLength(1)
  })

  it('is told after a day in any case', async () => {
    const { world, post, found, alarm, pass } = await play()
    world.bad = 'compiler'
    await alarm.raise(...damaged)
    await post('Ann')
    await pass(23 * 3_600_000)
    expect(await found()).toEqual({ 'ann: better': undefined })
    await pass(2 * 3_600_000)
    expect(await found()).toEqual({ 'ann: better': 'build-broken' })
  })

  it('is run on another host at once, if there is one', async () => {
    const { world, post, found, alarm, flow, store, clock } = await play()
    const images = ['debian', 'busybox']
    world.bad = 'compiler'
    await post('Ann')
    await store.saveHost(host('other', { images, seenAt: clock.now() }))
    await alarm.raise(...damaged)
    world.bad = undefined
    Object.assign(flow.wired.config, { host: 'other' })
    await flow.settle()
    expect(await found()).toEqual({ 'ann: better': 'all-well' })
    expect((await store.incidents({ open: true })).map(({ trouble }) => trouble)).toEqual(['image-damaged'])
  })

  it('does not leave a series waiting for a base that was said to be broken', async () => {
    const { world, post, found, mailsTo, alarm, flow } = await play()
    world.bad = 'base'
    await post('Ann')
    expect(await found()).toEqual({ 'ann: better': 'base-broken' })
    await alarm.raise(...damaged)
    world.bad = undefined
    await alarm.clear('image-damaged', 'debian', 'built again')
    await flow.settle()
    expect(await found()).toEqual({ 'ann: better': 'all-well' })
    expect(mailsTo('Ann')).toHaveLength(2)
  })
})

describe('what could not be tested', () => {
  it('waits for the end of the trouble, and is tested then', async () => {
    const { world, post, found, mailsTo, alarm, flow, titles } = await play()
    world.bad = 'disk'
    await alarm.raise('disk-error', 'vda', 'it makes noises')
    await post('Ann')
    expect(await found()).toEqual({ 'ann: better': undefined })
    world.bad = undefined
    await alarm.clear('disk-error', 'vda', 'a new one')
    await flow.settle()
    expect(await found()).toEqual({ 'ann: better': 'all-well' })
    expect(mailsTo('Ann')).toHaveLength(1)
    expect(await titles()).toEqual(['ann: better'])
  })

  it('on another host than that of the incident is no concern of it', async () => {
    const { world, post, found, flow } = await play()
    world.bad = 'compiler'
    await openAlarm(flow.wired, 'other').raise(...damaged)
    await post('Ann')
    expect(await found()).toEqual({ 'ann: better': 'build-broken' })
  })
})

describe('trouble that comes back while it is watched', () => {
  it('casts its shadow on what was run again as well', async () => {
    const { world, post, found, alarm, flow, store, pass } = await play()
    world.bad = 'compiler'
    await alarm.raise('host-unqualified', 'here', 'its canary failed')
    await post('Ann')
    await alarm.clear('host-unqualified', 'here', 'guests work with KVM')
    await flow.settle()
    expect(await found()).toEqual({ 'ann: better': 'build-broken' })
    await pass(60_000)
    await alarm.raise('host-unqualified', 'here', 'its canary failed')
    await pass(60_000)
    world.bad = undefined
    await alarm.clear('host-unqualified', 'here', 'guests work with TCG')
    await flow.settle()
    expect(await found()).toEqual({ 'ann: better': 'all-well' })
    expect(await store.incidents()).toHaveLength(1)
    // The base line that was made anew the first time is in doubt as well.
    expect(await store.baselines({ project: 'tally', limit: 10 })).toHaveLength(3)
  })
})

describe('a process that is killed', () => {
  it('at any point of it comes to the same end, and nobody hears of anything twice', async () => {
    const whole = async (pass: (call: string) => void) => {
      let isOver = false
      const played = await play(call => {
        if (isOver) pass(call)
      })
      const { world, post, alarm, flow } = played
      world.bad = 'compiler'
      await post('Ann')
      await alarm.raise(...damaged)
      await post('Ben')
      world.bad = undefined
      await alarm.clear('image-damaged', 'debian', 'built again')
      isOver = true
      return { ...played, end: () => flow.settle() }
    }
    const calls: string[] = []
    const undisturbed = await whole(call => void calls.push(call))
    await undisturbed.end()
    const expected = await undisturbed.found()
    expect(expected).toEqual({ 'ann: better': 'all-well', 'ben: better': 'all-well' })
    const first = calls.indexOf('after store.saveSeries')
    const places = [...new Set([...Array(Math.min(14, calls.length)).keys(), first, first + 1])]
    expect(first).toBeGreaterThanOrEqual(0)
    for (const at of places) {
      let count = 0
      let alive = true
      const { end, flow, found, mailsTo, titles } = await whole(() => {
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
      expect([mailsTo('Ann').length, mailsTo('Ben').length], `killed at ${calls[at]}`).toEqual([2, 1])
      expect(await titles(), `killed at ${calls[at]}`).toHaveLength(2)
    }
  })
})
