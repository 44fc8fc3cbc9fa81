// What operators hold back, and the words for it: for readers, who hear why, and for operators, who hear by whom as well.
import { expect, test } from 'vitest'
import { type Hold, type Host, heartbeatLostMs } from '../../src/model/host.ts'
import { stopsOf } from '../../src/model/stop.ts'
import { heldByMail, sayStops } from '../../src/text/stop.ts'

const now = Date.UTC(2026, 0, 5, 12)
const hold = (on: Hold['on'], more: Partial<Hold> = {}): Hold => ({
  ...{ on, how: 'drain', reason: 'new disks', by: 'olga@beta', since: now - 60_000, until: undefined },
  ...more,
})
const host = (name: string, images: string[], more: Partial<Host> = {}): Host =>
  ({ name, images, seenAt: now, ...more }) as Host
const onHost = (name: string) => hold({ kind: 'host', name })
const stopped = (images: string[], holds: Hold[], hosts: Host[] = []) =>
  stopsOf(images, { holds, hosts, now }).map(stop =>
    stop.on === 'queue' ? 'queue' : `${stop.on} ${stop.image}`,
  )

test('the queue holds back everything, an image its own work, and hosts what nobody else can do', () => {
  expect(stopped(['debian'], [])).toEqual([])
  expect(stopped(['debian', 'busybox'], [hold({ kind: 'queue' })])).toEqual(['queue'])
  expect(stopped(['debian'], [hold({ kind: 'queue' }, { until: now })])).toEqual([])
  expect(stopped(['debian', 'busybox'], [hold({ kind: 'image', name: 'busybox' })])).toEqual([
    'image busybox',
  ])
  const both = [host('alpha', ['debian']), host('beta', ['debian'])]
  expect(stopped(['debian'], [onHost('alpha')], both)).toEqual([])
  expect(stopped(['debian'], [onHost('alpha'), onHost('beta')], both)).toEqual(['hosts debian'])
  // That the other is lost is an incident, and not somebody's wish.
  const lost = [host('alpha', ['debian']), host('beta', ['debian'], { seenAt: now - heartbeatLostMs - 1 })]
  expect(stopped(['debian'], [onHost('alpha')], lost)).toEqual(['hosts debian'])
  expect(stopped(['debian'], [], lost.slice(1))).toEqual([])
})

test('readers hear why and what ends it, operators also who did it and with what it ends', () => {
  const pause = stopsOf(['debian'], { holds: [hold({ kind: 'queue' })], hosts: [], now })
  expect(sayStops(pause, { isOperator: false, where: 'mail' })).toBe(
    'The queue is paused since 2026-01-05 11:59 UTC: new disks. What waits is kept, and goes on when an operator ends that.',
  )
  expect(sayStops(pause, { isOperator: true, where: 'mail' })).toBe(
    'The queue is paused by olga@beta since 2026-01-05 11:59 UTC: new disks. What waits is kept, and goes on after "/grapevine resume".',
  )
  const byMail = stopsOf(['x'], { holds: [hold({ kind: 'queue' }, { reason: heldByMail })], hosts: [], now })
  expect(sayStops(byMail, { isOperator: false, where: 'page' })).toMatch(
    /^The queue is paused since \S+ \S+ UTC\. /,
  )
  const hosts = [host('alpha', ['debian']), host('beta', ['debian'])]
  const drained = stopsOf(['debian'], { holds: [onHost('alpha'), onHost('beta')], hosts, now })
  expect(sayStops(drained, { isOperator: false, where: 'page' })).toMatch(
    /^No test machine that serves debian takes work: alpha is drained since [^;]+: new disks; beta is drained /,
  )
})
