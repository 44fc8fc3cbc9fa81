// What follows from a host's state, as values: what it may take, what it says of itself, and whether it is idle.
import { describe, expect, it } from 'vitest'
import type { Room } from '../../src/model/room.ts'
import {
  atStart,
  freeImages,
  type HostState,
  heldImages,
  hostSign,
  isIdle,
} from '../../src/wiring/host-state.ts'
import { waitingFor } from '../../src/wiring/host-take.ts'
import { hold, host, task } from '../contract/samples.ts'

const small: Room = { slots: 1, memoryMiB: 512 }

/** A fit host with one image. */
const able = (more: Partial<HostState> = {}): HostState => ({
  ...atStart(),
  look: { unfit: undefined, images: new Map([['small', small]]) },
  ...more,
})

const held = (id: string, need: Room) => {
  const one = task(id, 'job')
  return { task: one, run: 'r', need, stop: new AbortController(), isTaken: true, over: Promise.resolve() }
}

describe('what a host may take', () => {
  const due = [task('a', 'a', { image: 'small' }), task('b', 'b', { image: 'other' })]
  const around: Parameters<typeof waitingFor>[2] = { state: able(), hosts: [], holds: [], now: 1000 }
  const ids = (more: Partial<typeof around>) =>
    waitingFor('one', due, { ...around, ...more }).map(({ id }) => id)

  it('is of its images, with what the guest takes', () => {
    expect(waitingFor('one', due, around)).toEqual([{ id: 'a', task: due[0], need: small }])
  })

  it('is not what it runs already', () => {
    expect(ids({ state: able({ running: new Map([['a', held('a', small)]]) }) })).toEqual([])
  })

  it.each([
    ['this host', { kind: 'host', name: 'one' }, []],
    ['another host', { kind: 'host', name: 'two' }, ['a']],
    ['the image', { kind: 'image', name: 'small' }, []],
    ['another image', { kind: 'image', name: 'other' }, ['a']],
    ['the queue', { kind: 'queue' }, []],
  ] as const)('where %s is held', (_, on, wanted) => {
    expect(ids({ holds: [hold(on)] })).toEqual(wanted)
  })

  it('is not what it should leave to a host that can', () => {
    const avoid = { host: 'one', until: 9000 }
    const left = task('c', 'c', { image: 'small', state: { at: 'queued', attempt: 2, avoid } })
    const other = host('two', { images: ['small'], seenAt: 1000, unfit: undefined })
    expect(waitingFor('one', [left], { ...around, hosts: [other] })).toEqual([])
    expect(waitingFor('one', [left], around)).toHaveLength(1)
  })
})

describe('what a host says of itself', () => {
  const self = { name: 'one', worker: 'w', startedAt: 1, seenAt: 2, slots: 4, memoryMiB: 4096, facts: {} }

  it('counts the slots of what runs', () => {
    const running = new Map([
      ['a', held('a', small)],
      ['b', held('b', { slots: 2, memoryMiB: 512 })],
    ])
    expect(hostSign(able({ running }), self)).toEqual({
      ...self,
      busy: 3,
      images: ['small'],
      unfit: undefined,
    })
  })

  it('is unfit at first, and while it proves itself; what is wrong goes before what was asked', () => {
    const requested = 'it proves that its guests work'
    expect(hostSign(atStart(), self).unfit).toBe('its worker is just starting')
    expect(hostSign(able({ requested }), self).unfit).toBe(requested)
    expect(hostSign({ ...atStart(), requested }, self).unfit).toBe('its worker is just starting')
  })
})

describe('a host is idle', () => {
  it('when it is fit and nothing runs or waits', () => expect(isIdle(able())).toBe(true))

  it.each([
    ['it is not fit', atStart()],
    ['it is asked to prove itself', able({ requested: 'it proves itself' })],
    ['a task runs', able({ running: new Map([['a', held('a', small)]]) })],
    ['a task waits for room', able({ waiting: 1 })],
    ['it is held', able({ isHeld: true })],
    ['it ends', able({ isClosing: true })],
  ])('not when %s', (_, state) => expect(isIdle(state)).toBe(false))

  it('with the images that nobody holds', () => {
    const images = new Map([
      ['small', small],
      ['large', small],
    ])
    const holds = [hold({ kind: 'image', name: 'large' }), hold({ kind: 'host', name: 'small' })]
    const state = able({ look: { unfit: undefined, images }, heldImages: heldImages(holds) })
    expect(freeImages(state)).toEqual(['small'])
  })
})
