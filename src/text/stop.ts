// What operators hold back, in words for those who wait. Why is told to all, who did it to operators. Pure.
import type { Hold } from '../model/host.ts'
import type { Stop } from '../model/stop.ts'
import { oneLine } from './clean.ts'
import { sayInstant } from './span.ts'

/** `where`: operators read what ends it there. */
export type StopReader = { isOperator: boolean; where: 'mail' | 'page' }

/** Of a hold that was set by mail nobody gave a reason. */
export const heldByMail = 'asked for by mail'

/** `: new disks`, to go on a sentence with; '' where no reason was given. */
export const sayWhy = (reason: string, max = 200): string =>
  reason === heldByMail || reason.trim() === '' ? '' : `: ${oneLine(reason, max).replace(/[.\s]+$/, '')}`

const sayHold = (hold: Hold, { isOperator }: StopReader): string => {
  const who = isOperator ? ` by ${oneLine(hold.by, 120)}` : ''
  const end = hold.until === undefined ? '' : `, until ${sayInstant(hold.until)}`
  return `${who} since ${sayInstant(hold.since)}${end}${sayWhy(hold.reason)}`
}

const word = ({ how }: Hold): string => (how === 'stop' ? 'stopped' : 'drained')

const sayEnd = (holds: Hold[], how: string, { isOperator, where }: StopReader): string => {
  const ends = holds.map(({ until }) => until)
  if (ends.some(until => until !== undefined)) return 'What waits is kept, and goes on by itself then.'
  if (!isOperator) return 'What waits is kept, and goes on when an operator ends that.'
  return where === 'page'
    ? 'What waits is kept, and goes on when you end that under Operations.'
    : `What waits is kept, and goes on after "${how}".`
}

const hostsShown = 3

/** Two sentences: what is held, and what ends it. */
export const sayStop = (stop: Stop, reader: StopReader): string => {
  switch (stop.on) {
    case 'queue':
      return `The queue is paused${sayHold(stop.hold, reader)}. ${sayEnd([stop.hold], '/grapevine resume', reader)}`
    case 'image': {
      const image = oneLine(stop.image, 60)
      const end = sayEnd([stop.hold], `grapevine image resume ${image}`, reader)
      return `Image ${image} is ${word(stop.hold)}${sayHold(stop.hold, reader)}. ${end}`
    }
    case 'hosts': {
      const shown = stop.hosts
        .slice(0, hostsShown)
        .map(({ name, hold }) => `${oneLine(name, 60)} is ${word(hold)}${sayHold(hold, reader)}`)
      const more = stop.hosts.length - shown.length
      const all = `${shown.join('; ')}${more > 0 ? `; and so are ${more} more` : ''}`
      const holds = stop.hosts.map(({ hold }) => hold)
      const end = sayEnd(holds, `/grapevine resume ${oneLine(stop.hosts[0]?.name ?? '', 60)}`, reader)
      return `No test machine that serves ${oneLine(stop.image, 60)} takes work: ${all}. ${end}`
    }
  }
}

/** All of them, in a few sentences; '' for none. */
export const sayStops = (stops: Stop[], reader: StopReader): string =>
  stops
    .slice(0, 2)
    .map(stop => sayStop(stop, reader))
    .join(' ')
