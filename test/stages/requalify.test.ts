import { expect, test } from 'vitest'
import { type Incident, newIncident } from '../../src/model/incident.ts'
import { requestsAfter } from '../../src/stages/incident/requalify.ts'

const over = (more: Partial<Incident> = {}): Incident =>
  newIncident({
    ...{ id: 'i1', trouble: 'disk-reserve', host: 'oak', about: '/farm', since: 0, detail: 'full' },
    ...{ state: { at: 'monitoring', since: 10, until: 20, how: 'there is room' }, ...more },
  })

test('a host whose disk was full proves itself, once each time that it is over', () => {
  const [first] = requestsAfter([over()], 10)
  expect(first).toMatchObject({
    host: 'oak',
    ask: 'verify',
    why: 'incident i1 is over',
    state: { at: 'asked' },
  })
  expect(requestsAfter([over()], 12)[0]?.id).toBe(first?.id)
  expect(requestsAfter([over({ flaps: 1 })], 12)[0]?.id).not.toBe(first?.id)
})

test('nobody is asked while it lasts, nor after what does guests no harm', () => {
  const open = over({ state: { at: 'open' } })
  expect(requestsAfter([open, over({ trouble: 'host-lost' }), over({ host: undefined })], 10)).toEqual([])
})
