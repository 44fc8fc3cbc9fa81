// The order of tasks: urgent ones first, a share for every author, and series that are begun come to their end. By table and by simulation.
import { describe, expect, it } from 'vitest'
import { priority, type Task } from '../../src/model/job.ts'
import { inOrder, type JobFacts, noTurns, type Turns } from '../../src/model/order.ts'
import { task } from '../contract/samples.ts'

type Of = { author?: string; at?: number; class?: number; baseline?: string }

const job = (id: string, of: Of = {}): JobFacts => ({
  id,
  author: of.author ?? `${id}@example.org`,
  priority: of.class ?? priority.mail,
  createdAt: of.at ?? 0,
  baseline: of.baseline,
})
const base = (id: string): JobFacts => ({ ...job(id, { class: priority.baseline }), author: undefined })
const build = (id: string): Task => task(`${id}-build`, id, { kind: 'build' })
const test = (id: string, image = 'debian'): Task => task(`${id}-${image}`, id, { image })
const ids = (tasks: Task[], jobs: JobFacts[]) => inOrder(tasks, jobs, { now: 0 }).tasks.map(one => one.id)
const builds = (...jobs: JobFacts[]) =>
  ids(
    jobs.map(one => build(one.id)),
    jobs,
  )

describe('the order', () => {
  it('goes by class: by hand, mail, nightly', () => {
    const jobs = [
      job('nightly', { class: priority.nightly, at: 1 }),
      job('mail', { class: priority.mail, at: 2 }),
      job('hand', { class: priority.hand, at: 3 }),
    ]
    expect(builds(...jobs)).toEqual(['hand-build', 'mail-build', 'nightly-build'])
  })

  it('then by how many of the same author go before, then by arrival', () => {
    const ann = { author: 'ann' }
    const jobs = [
      job('a1', { ...ann, at: 1 }),
      job('a2', { ...ann, at: 2 }),
      job('a3', { ...ann, at: 3 }),
      job('b1', { author: 'bob', at: 4 }),
      job('b2', { author: 'bob', at: 5 }),
      job('c1', { author: 'cy', at: 6 }),
    ]
    const order = ['a1', 'b1', 'c1', 'a2', 'b2', 'a3'].map(id => `${id}-build`)
    expect(builds(...jobs)).toEqual(order)
    expect(builds(...jobs.toReversed())).toEqual(order)
    // What runs counts: a1 has nothing that waits.
    expect(
      ids(
        jobs.slice(1).map(one => build(one.id)),
        jobs,
      ),
    ).toEqual(order.slice(1))
  })

  it('takes the tests of a series that is begun before the build of a later one', () => {
    const jobs = [job('first', { at: 1 }), job('second', { at: 2 })]
    const tasks = [build('second'), test('first', 'x'), test('first', 'y')]
    expect(ids(tasks, jobs)).toEqual(['first-x', 'first-y', 'second-build'])
  })

  it('sends whoever had a job finished to the end of the line', () => {
    const [a1, a2] = [job('a1', { author: 'ann', at: 1 }), job('a2', { author: 'ann', at: 2 })]
    const bob = job('bob', { at: 5 })
    const first = inOrder([build('a1'), build('a2')], [a1, a2], { last: noTurns, now: 3 })
    const after = inOrder([build('a2'), build('bob')], [a2, bob], { last: first.turns, now: 10 })
    expect(after.tasks.map(one => one.id)).toEqual(['bob-build', 'a2-build'])
    // And there it keeps its place.
    const cy = job('cy', { at: 11 })
    const later = inOrder([build('a2'), build('cy')], [a2, cy], { last: after.turns, now: 12 })
    expect(later.tasks.map(one => one.id)).toEqual(['a2-build', 'cy-build'])
  })

  it('takes a base right before the first of those who wait for it', () => {
    const jobs = [
      base('b'),
      job('nightly', { class: priority.nightly, baseline: 'b' }),
      job('hand', { class: priority.hand, at: 5 }),
      job('mail', { at: 7, baseline: 'b' }),
      job('early', { at: 6 }),
    ]
    expect(builds(...jobs)).toEqual(['hand-build', 'early-build', 'b-build', 'mail-build', 'nightly-build'])
    // Who breaks the build hears so without any test.
    const both = [test('b', 'x'), test('mail', 'x'), build('mail'), build('b')]
    const { tasks } = inOrder(both, jobs, { now: 9 })
    expect(tasks.map(({ id }) => id)).toEqual(['b-build', 'mail-build', 'b-x', 'mail-x'])
    // All who wait have done their part: it is all that is missing.
    expect(builds(base('b'), job('hand', { class: priority.hand }))).toEqual(['b-build', 'hand-build'])
  })
})

type Sim = { facts: JobFacts; left: Task[]; begun: number | undefined; done: number | undefined }

const minute = 60_000

/** Runs everything on `slots`; a build takes 3 minutes, each of two tests 2. `arrive`: the jobs, by their `createdAt`. */
const simulate = (arrive: JobFacts[], slots: number) => {
  const all: Sim[] = arrive.map(facts => ({
    facts,
    left: [build(facts.id), test(facts.id, 'x'), test(facts.id, 'y')],
    begun: undefined,
    done: undefined,
  }))
  const running: { sim: Sim; task: Task; until: number }[] = []
  let mostOpen = 0
  let last: Turns = noTurns
  for (let now = 0; all.some(sim => sim.done === undefined); now += minute / 2) {
    for (const over of running.filter(({ until }) => until <= now)) {
      running.splice(running.indexOf(over), 1)
      const isLast = over.sim.left.length === 0 && !running.some(({ sim }) => sim === over.sim)
      if (isLast) over.sim.done = now
    }
    const here = all.filter(sim => sim.done === undefined && sim.facts.createdAt <= now)
    while (running.length < slots) {
      const due = here.flatMap(sim => {
        const [next] = sim.left
        if (next?.kind === 'build') return [next]
        return running.some(one => one.sim === sim && one.task.kind === 'build') ? [] : sim.left
      })
      const facts = here.map(sim => sim.facts)
      const { tasks, turns } = inOrder(due, facts, { last, now })
      last = turns
      const [next] = tasks
      const sim = here.find(one => one.facts.id === next?.job)
      if (!next || !sim) break
      sim.left = sim.left.filter(other => other !== next)
      sim.begun ??= now
      running.push({ sim, task: next, until: now + (next.kind === 'build' ? 3 : 2) * minute })
    }
    mostOpen = Math.max(
      mostOpen,
      here.filter(sim => sim.begun !== undefined && sim.done === undefined).length,
    )
    if (now > 1000 * 3_600_000) throw new Error('it never ends')
  }
  return { all, mostOpen }
}

const pile = (count: number, at = 0) =>
  Array.from({ length: count }, (_, i) =>
    job(`p${String(i).padStart(3, '0')}`, { author: 'piler', at: at + i }),
  )

describe('a pile of 100 patches from one place', () => {
  it.each([1, 2, 4])('holds up the single patch of another by what runs, on %i slots', slots => {
    for (const at of [10 * minute, 33 * minute, 61 * minute]) {
      const { all } = simulate([...pile(100), job('single', { author: 'other', at })], slots)
      const single = all.find(sim => sim.facts.id === 'single')
      // One round of the pile's first, which is its equal: a running task, and its two tests; then its own three.
      expect((single?.done ?? Number.POSITIVE_INFINITY) - at).toBeLessThanOrEqual((3 + 4 + 3 + 4) * minute)
    }
  })

  it('gives results one after another: few series are open at a time, and they end in order', () => {
    for (const slots of [1, 2, 4]) {
      const { all, mostOpen } = simulate(pile(100), slots)
      expect(mostOpen).toBeLessThanOrEqual(slots + 1)
      const ends = all.map(sim => sim.done ?? 0)
      const late = ends.filter((end, i) => ends.slice(i + 1).some(next => next < end - 3 * minute))
      expect(late).toEqual([])
    }
  })
})

describe('nobody waits for ever', () => {
  it('however many others come: each author goes on, builds and tests alike', () => {
    // One author with ten, and every 4 minutes a newcomer, who takes 7 minutes of one of two slots.
    const newcomers = Array.from({ length: 200 }, (_, i) => job(`n${i}`, { at: i * 4 * minute }))
    const { all } = simulate([...pile(10), ...newcomers], 2)
    const waits = all.map(sim => (sim.done ?? 0) - sim.facts.createdAt)
    expect(Math.max(...waits.slice(10))).toBeLessThanOrEqual(30 * minute)
    expect(Math.max(...waits.slice(0, 10))).toBeLessThanOrEqual(5 * 60 * minute)
    // Once a build is over, the tests follow soon, and the other way round: no kind holds up the other.
    const took = all.map(sim => (sim.done ?? 0) - (sim.begun ?? 0))
    expect(Math.max(...took)).toBeLessThanOrEqual(30 * minute)
  })
})
