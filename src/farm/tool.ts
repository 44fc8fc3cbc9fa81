// Small programs of the farm's own in a guest: their output is captured by the agent and short. Commands of recipes go by exec.ts.
import { setTimeout as sleep } from 'node:timers/promises'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import type { Agent, ExecRequest } from './agent.ts'
import { type Machine, tell } from './machine.ts'

const seldomMs: Millis = 300

/** What it printed. `after`: it cannot end before that has, so it is asked seldom until then. Faults: refused with its last words if it failed, timeout, unreachable if the guest went away. */
export const runTool = async (
  machine: Pick<Machine, 'agent' | 'fate'>,
  request: ExecRequest,
  span: Millis,
  after: Promise<unknown> = Promise.resolve(),
): Promise<string> => {
  const gone = machine.fate.rung.then((fate): never => {
    throw new Fault('unreachable', 'soon', tell(fate))
  })
  gone.catch(() => {})
  return await Promise.race([gone, finish(machine.agent, request, { span, after })])
}

const finish = async (
  agent: Agent,
  request: ExecRequest,
  { span, after }: { span: Millis; after: Promise<unknown> },
): Promise<string> => {
  const end = performance.now() + span
  const left = () => Math.max(1, end - performance.now())
  const pid = await agent.start(request, left())
  const early = after.then(
    () => true,
    () => true,
  )
  let soon = await Promise.race([early, sleep(2, false)])
  for (let pause = 2; ; pause = Math.min(seldomMs, pause * 1.3)) {
    const status = await agent.status(pid, left())
    if (status.exited && status.exitCode === 0) return status.out.toString()
    if (status.exited) {
      const words = status.err.toString().trim().split('\n').at(-1)
      throw new Fault('refused', 'soon', `in the guest: ${words || `exit code ${status.exitCode}`}`)
    }
    if (performance.now() > end)
      throw new Fault('timeout', 'soon', `a program in the guest did not end within ${span / 1000} s`)
    if (soon) await sleep(pause)
    else {
      soon = await Promise.race([early, sleep(seldomMs, false)])
      pause = 2
    }
  }
}
