// A farm in some trouble, for tests of the pages.

import type { Incident } from '../../src/model/incident.ts'
import { begunIncident, nextIncident } from '../../src/model/incident-machine.ts'
import type { Standing } from '../../src/ports/journal.ts'

export const noon = Date.UTC(2026, 0, 5, 12)
const [minute, day] = [60_000, 86_400_000]

const step = (incident: Incident, event: Parameters<typeof nextIncident>[1], at: number): Incident => {
  const next = nextIncident(incident, event, at)
  if (next === 'forgotten') throw new Error('it was forgotten')
  return next
}

const begun = (given: Partial<Incident> & Pick<Incident, 'id' | 'trouble' | 'about'>): Incident => {
  const since = given.since ?? noon
  const from = { host: undefined, detail: 'see /var/lib/farm; run: grapevine farm clean', ...given, since }
  return { ...begunIncident(from, since), ...given }
}

/** Its disk is full since eleven; two series wait. */
export const fullDisk: Incident = (() => {
  const affects = { hosts: ['alpha'], images: [], projects: ['tally'], series: ['s1', 's2'] }
  const full = begun({
    id: 'idisk',
    trouble: 'disk-reserve',
    host: 'alpha',
    about: 'alpha',
    since: noon - 60 * minute,
    affects,
  })
  const words = { cause: 'Old kernels were never removed.', doing: 'A larger disk is being put in.' }
  const said = step(full, { on: 'amended', by: 'olga@alpha', ...words }, noon - 30 * minute)
  return step(
    said,
    { on: 'noted', by: 'grapevine', what: 'switched its power off and on: it hung' },
    noon - 20 * minute,
  )
})()

export const lostLastWeek: Incident = (() => {
  const since = noon - 7 * day
  const affects = { hosts: ['beta'], images: [], projects: ['tally'], series: [] }
  const lost = begun({ id: 'ilost', trouble: 'host-lost', host: 'beta', about: 'beta', since, affects })
  const open = step(lost, { on: 'looked' }, since + minute)
  const quiet = step(open, { on: 'cleared', how: 'its worker is back' }, since + 95 * minute)
  return step(quiet, { on: 'looked' }, since + 120 * minute)
})()

/** What only operators hear of, only suspect, or have not confirmed. */
export const hidden: Incident[] = [
  begun({ id: 'imail', trouble: 'mail-refused', about: 'sofia@example.org' }),
  begun({ id: 'isuspect', trouble: 'host-lost', host: 'gamma', about: 'gamma' }),
  begun({ id: 'ialike', trouble: 'alike-failures', about: 'tally: all <b>' }),
  begun({ id: 'ipart', trouble: 'queue-old', about: 'tally', mergedInto: 'idisk' }),
]

export const standing = (more: Partial<Standing> = {}): Standing => ({
  at: noon,
  incidents: [lostLastWeek, fullDisk, ...hidden],
  maintenances: [
    {
      ...{
        id: 'm1',
        hosts: ['beta'],
        from: noon + day,
        to: noon + day + 60 * minute,
        reason: 'new <memory>',
      },
      ...{ by: 'olga', createdAt: noon - day, repeat: undefined, sequence: 0 },
      state: { at: 'announced', when: noon - day },
    },
    {
      ...{
        id: 'm0',
        hosts: [],
        from: noon - 20 * day,
        to: noon - 20 * day + 60 * minute,
        reason: 'new switch',
      },
      ...{ by: 'olga', createdAt: noon - 30 * day, repeat: undefined, sequence: 0 },
      state: { at: 'done', when: noon - 20 * day + 50 * minute, how: 'as planned' },
    },
  ],
  projects: [
    { name: 'tally', waiting: 2, oldestWaiting: noon - 50 * minute, lastVerdict: noon - 70 * minute },
    { name: 'abacus', waiting: 0, oldestWaiting: undefined, lastVerdict: undefined },
  ],
  hosts: [
    { name: 'alpha', works: false, why: 'its disk is full' },
    { name: 'beta', works: true, why: '' },
  ],
  ...more,
})
