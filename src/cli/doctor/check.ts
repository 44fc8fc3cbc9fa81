// One question of the doctor, and how all of them are asked: at the same time, each with a deadline, none stops another.
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'

/** A remedy beside `ok: true` is advice: it works, but could be better. */
export type Finding = { name: string; ok: boolean; says: string; remedy: string | undefined }

export type Answer = { ok: boolean; says: string; remedy?: string }

export type Check = {
  name: string
  /** What it does not know it throws: a Fault's message and remedy are an answer as well. */
  ask: (signal: AbortSignal) => Promise<Answer> | Answer
  deadlineMs: Millis
  /** What to look at if there is no answer in time. */
  ifLate?: string
}

export const fine = (says: string): Answer => ({ ok: true, says })
export const advice = (says: string, remedy: string): Answer => ({ ok: true, says, remedy })
export const bad = (says: string, remedy: string): Answer => ({ ok: false, says, remedy })

const late = ({ deadlineMs, ifLate }: Check): Fault =>
  new Fault('timeout', 'later', `no answer within ${deadlineMs / 1000} s`, {
    ...(ifLate === undefined ? {} : { remedy: ifLate }),
  })

/** Never throws. */
export const runCheck = async (check: Check, signal: AbortSignal): Promise<Finding> => {
  const { name, ask, deadlineMs } = check
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(late(check)), deadlineMs)
  const either = AbortSignal.any([signal, over.signal])
  const ended = new Promise<never>((_, reject) => {
    if (either.aborted) reject(either.reason)
    either.addEventListener('abort', () => reject(either.reason), { once: true })
  })
  try {
    const { ok, says, remedy } = await Promise.race([(async () => ask(either))(), ended])
    return { name, ok, says, remedy }
  } catch (error) {
    const says = error instanceof Error ? error.message : String(error)
    return { name, ok: false, says, remedy: error instanceof Fault ? error.remedy : undefined }
  } finally {
    clearTimeout(timer)
    over.abort()
  }
}
