// What is said of a source that cannot be read: once, then every hour, and when it works again. After five minutes it is an incident.
import { Fault } from '../model/fault.ts'
import type { Instant } from '../model/instant.ts'
import { unrepeated } from '../text/unrepeated.ts'
import { openAlarm } from './alarm.ts'
import type { Wired } from './wire.ts'

const hour = 3_600_000
/** Servers are restarted and networks hiccup: nobody needs to hear of that. */
const patienceMs = 300_000

export type SourceHealth = { worked(): Promise<void>; failed(error: unknown): Promise<void> }

const inWords = (error: unknown): string => {
  if (!(error instanceof Fault))
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  return error.remedy === undefined ? error.message : `${error.message}. Remedy: ${error.remedy}`
}

/** Of one source. A Fault is told in words, anything else, which is a bug, with its stack. */
export const sourceHealth = (wired: Pick<Wired, 'log' | 'clock' | 'store'>, name: string): SourceHealth => {
  const { log, clock } = wired
  const alarm = openAlarm(wired, undefined)
  const complain = unrepeated(log, { now: () => clock.now(), everyMs: hour })
  let since: Instant | undefined
  /** An incident may be left open by a process before this one. */
  let mayBeOpen = true
  return {
    async worked() {
      if (since !== undefined) log('info', `source ${name}: can be read again`)
      since = undefined
      if (mayBeOpen) await alarm.clear('source-unreachable', name, 'it can be read again')
      mayBeOpen = false
    },
    async failed(error) {
      const words = inWords(error)
      since ??= clock.now()
      complain(`source ${name}: ${words}`)
      if (clock.now() - since < patienceMs) return
      mayBeOpen = true
      await alarm.raise('source-unreachable', name, words)
    },
  }
}
