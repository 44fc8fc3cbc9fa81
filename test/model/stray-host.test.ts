// A host that fails more than the others is found; flaky tests, broken bases and chance are nobody's fault.
import { expect, it } from 'vitest'
import type { Sample } from '../../src/model/history.ts'
import { strayHosts } from '../../src/model/stray-host.ts'
import { random } from '../fakes/random.ts'

/** Three days: 30 bases, 4 images, 3 steps, run a few times on hosts as they come. `rate`: how often a run fails. */
const days = (
  seed: number,
  rate: (at: { host: string; base: number; step: number }) => number,
  hosts = ['alpha', 'beta', 'gamma'],
): Sample[] => {
  const next = random(seed)
  const samples: Sample[] = []
  for (let base = 0; base < 30; base++)
    for (let image = 0; image < 4; image++)
      for (let step = 0; step < 3; step++)
        for (let turn = 0; turn < 3; turn++) {
          const host = hosts[Math.floor(next() * hosts.length)] ?? ''
          const isBad = next() < rate({ host, base, step })
          samples.push({
            ...{ id: `s${samples.length}`, project: 'tally', image: `image-${image}`, step: `step-${step}` },
            ...{
              job: 'j',
              run: `r${samples.length}`,
              base: String(base),
              series: undefined,
              author: undefined,
            },
            ...{ host, at: 0, state: 'whole', only: undefined, count: 1 },
            failed: isBad ? [{ test: 'sums', message: '' }] : [],
          })
        }
  return samples
}

const names = (samples: Sample[]) => strayHosts(samples).map(({ host }) => host)

it('a host whose memory is bad is found', () => {
  for (let seed = 1; seed <= 20; seed++)
    expect(names(days(seed, ({ host }) => (host === 'beta' ? 0.2 : 0.02)))).toEqual(['beta'])
})

it.each([
  ['a step that is flaky', ({ step }: { step: number }) => (step === 1 ? 0.4 : 0)],
  ['bases that are broken', ({ base }: { base: number }) => (base < 10 ? 1 : 0)],
  [
    'a little of everything',
    ({ base, step }: { base: number; step: number }) =>
      0.02 + (base === 7 ? 0.9 : 0) + (step === 2 ? 0.05 : 0),
  ],
])('%s is no fault of any host', (_, rate) => {
  for (let seed = 1; seed <= 100; seed++) expect(names(days(seed, rate)), `seed ${seed}`).toEqual([])
})

it('one host alone is compared with nobody, and patched runs with nothing', () => {
  expect(names(days(1, () => 0.5, ['alpha']))).toEqual([])
  const patched = days(1, ({ host }) => (host === 'beta' ? 0.5 : 0)).map(sample => ({
    ...sample,
    series: 's1',
  }))
  expect(names(patched)).toEqual([])
})

it('one that was found stays so until it is plainly like the others', () => {
  const bad = (rate: number) => days(7, ({ host }) => (host === 'beta' ? rate : 0.02))
  const told = new Set(['beta'])
  const slightly = [0.05, 0.06, 0.07, 0.08, 0.09]
    .map(bad)
    .find(all => names(all).length === 0 && strayHosts(all, told).length > 0)
  expect(slightly).toBeDefined()
  expect(strayHosts(bad(0.02), told)).toEqual([])
})
