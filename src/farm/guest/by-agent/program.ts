// Small programs of the farm's own in a guest, through its agent: what they print is short. Commands of recipes go by exec.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../../../model/fault.ts'
import type { Millis } from '../../../model/instant.ts'
import type { Ending } from '../../../model/run.ts'
import type { Bell } from '../../deadline.ts'
import { type AgentPort, type Program, programStatus, startProgram } from './port.ts'

const firstPauseMs = 5
const longestPauseMs = 300

/** What it printed. Faults: refused with its last words if it failed, timeout, unreachable. */
export const runProgram = async (port: AgentPort, program: Program, span: Millis): Promise<string> => {
  const end = performance.now() + span
  const left = () => Math.max(1, end - performance.now())
  const pid = await startProgram(port, program, { capture: true, span })
  for (let pause = firstPauseMs; ; pause = Math.min(longestPauseMs, pause * 1.5)) {
    const status = await programStatus(port, pid, left())
    if (status.exited && status.exitCode === 0) return status.out.toString()
    if (status.exited) {
      const words = status.err.toString().trim().split(/\r?\n/).at(-1)
      throw new Fault('refused', 'soon', `in the guest: ${words || `exit code ${status.exitCode}`}`)
    }
    if (performance.now() > end)
      throw new Fault('timeout', 'soon', `a program in the guest did not end within ${span / 1000} s`)
    await sleep(pause)
  }
}

/** The promise's value, unless the guest ends first: then Fault unreachable that says how. */
export const unlessGone = async <T>(fate: Bell<Ending>, promise: Promise<T>): Promise<T> => {
  const gone = fate.rung.then((ending): never => {
    const how = 'detail' in ending ? ending.detail : `the guest ${ending.kind}`
    throw new Fault('unreachable', 'soon', how)
  })
  gone.catch(() => {})
  promise.catch(() => {})
  return await Promise.race([gone, promise])
}
