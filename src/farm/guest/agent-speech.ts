// Guests without a program of the farm's in them: everything by the agent. Slower, and for systems that program.c is not for.
import { randomBytes } from 'node:crypto'
import type { Ending } from '../../model/run.ts'
import { sha256 } from '../../text/digest.ts'
import type { AgentDialect } from './by-agent/dialect.ts'
import { type AgentGuest, execByAgent } from './by-agent/exec.ts'
import { openGuestFile } from './by-agent/file.ts'
import type { Program } from './by-agent/port.ts'
import { runProgram, unlessGone } from './by-agent/program.ts'
import { transfersByAgent } from './by-agent/transfer.ts'
import type { Listener, Speech } from './speech.ts'

const canaryBytes = 1 << 20
const seedBytes = 64
const answerMs = 15_000

export const speakByAgent = (dialect: AgentDialect, { machine, shell, deadlines }: Listener): Speech => {
  const port = machine.agent
  const says = shell === undefined ? dialect : { ...dialect, shell }
  const { silenceMs, lingerMs, killMs, bootMs, forkMs } = deadlines
  const spans = { answerMs: Math.min(answerMs, silenceMs), silenceMs, lingerMs, killMs }
  const guest = { port, says, fate: machine.fate, deadlines: spans, bootMark: '' } satisfies AgentGuest
  const tool = (program: Program, span = bootMs) => unlessGone(machine.fate, runProgram(port, program, span))
  const canary = says.scratch('canary')

  // Known from the first command on: a guest that answers with another one has booted since.
  let known: Promise<AgentGuest> | undefined
  const ready = (): Promise<AgentGuest> => {
    known ??= tool(says.bootMark()).then(bootMark => ({ ...guest, bootMark }))
    known.catch(() => {
      known = undefined
    })
    return known
  }

  const exec: Speech['exec'] = async (command, options) => {
    if (options.signal?.aborted) return { kind: 'cancelled' }
    const began = performance.now()
    const silent = (): Ending => ({ kind: 'hung', afterMs: Math.round(performance.now() - began) })
    const there = await ready().catch(() => undefined)
    if (there) return await execByAgent(there, command, options)
    return machine.fate.value ?? silent()
  }

  return {
    ...transfersByAgent(guest),
    hello: span => unlessGone(machine.fate, port.sync(span)),
    plumb: async () => void (await tool(says.settleIn())),
    wake: async (now, name) => {
      const seed = randomBytes(seedBytes).toString('hex')
      await tool(says.wake({ now, name, seed }), forkMs)
    },
    settle: async () => void (await tool(says.sync())),
    plantCanary: async () => {
      const bytes = randomBytes(canaryBytes)
      const file = await openGuestFile(port, { path: canary, mode: 'wb', span: silenceMs })
      await unlessGone(machine.fate, file.write(bytes))
      await file.close()
      await tool(says.sync())
      return `${bytes.length} ${sha256(bytes)}`
    },
    readCanary: async () => (await tool(says.measure(canary))).trim(),
    exec,
    powerOff: async () => {
      const off = port.command('guest-shutdown', { mode: 'powerdown' }, silenceMs)
      // It does not answer when it does it.
      await Promise.race([machine.fate.rung, off])
    },
  }
}
