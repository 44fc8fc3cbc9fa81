// A machine's way to an answering guest: booted from its image (freezes, qualification), or forked from a template (clones).
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import type { Deadlines } from './deadline.ts'
import type { Guest } from './exec.ts'
import { linuxGuest } from './linux-guest.ts'
import { type Machine, startMachine, tell } from './machine.ts'
import { openOutput } from './output.ts'
import { argumentsFor, type Layout, type Places, type Qemu } from './qemu.ts'

export type MachineSpec = {
  qemu: Qemu
  layout: Layout
  /** Without `incoming`: how the machine starts says that. */
  places: Omit<Places, 'incoming'>
  /** Exists, and belongs to this machine alone. */
  folder: string
  shell: string
  deadlines: Deadlines
}

/** The device state that a freeze saved. */
export type SavedState = { file: string; sha256: string }

/** From power-on to the agent's answer. Faults: timeout with the console's last line, unreachable. */
export const boot = async (spec: MachineSpec, span: Millis, signal?: AbortSignal): Promise<Guest> =>
  await answering(spec, { incoming: false, span, signal }, async machine => {
    await machine.qmp.command('cont')
  })

/** From a template's files to the agent's answer. Faults: damaged (the state is not what was saved, or does not load), timeout, unreachable. */
export const fork = async (spec: MachineSpec, state: SavedState, signal?: AbortSignal): Promise<Guest> => {
  const span = spec.deadlines.forkMs
  return await answering(spec, { incoming: true, span, signal }, async machine => {
    const bytes = await readFile(state.file).catch(() => Buffer.alloc(0))
    if (createHash('sha256').update(bytes).digest('hex') !== state.sha256)
      throw new Fault('damaged', 'soon', `${state.file} is not what was saved`)
    await load(machine, bytes, span)
    await machine.qmp.command('cont')
  })
}

/** Both sides of a freeze must say so before they begin, by QMP (QEMU, qapi/migration.json). */
export const ignoreShared = async (machine: Machine): Promise<void> => {
  const capabilities = ['x-ignore-shared', 'events'].map(capability => ({ capability, state: true }))
  await machine.qmp.command('migrate-set-capabilities', { capabilities })
}

/** An empty or short state would be waited for for ever: hence the deadline. A wrong one ends QEMU. */
const load = async (machine: Machine, state: Buffer, span: Millis): Promise<void> => {
  await ignoreShared(machine)
  const isOver = ['completed', 'failed']
  const over = machine.qmp.event(
    ({ event, data }) => event === 'MIGRATION' && isOver.includes(String(data.status)),
    span,
    'loading the frozen state',
  )
  const failed = machine.fate.rung.then(fate => `the frozen state does not load: ${tell(fate)}`)
  over.catch(() => {})
  await machine.qmp.command('migrate-incoming', { uri: 'fd:7' })
  machine.incoming.end(state)
  const loaded = over.then(
    ({ data }) => (data.status === 'completed' ? undefined : 'the frozen state does not load'),
    error => (error instanceof Fault && error.kind === 'unreachable' ? failed : Promise.reject(error)),
  )
  const why = await Promise.race([failed, loaded])
  if (why) throw new Fault('damaged', 'soon', why)
}

type Start = { incoming: boolean; span: Millis; signal: AbortSignal | undefined }

const answering = async (
  { qemu, layout, places, folder, shell, deadlines }: MachineSpec,
  { incoming, span, signal }: Start,
  begin: (machine: Machine) => Promise<void>,
): Promise<Guest> => {
  signal?.throwIfAborted()
  const args = argumentsFor(qemu, layout, { ...places, incoming })
  const machine = await startMachine({ program: qemu.program, args, folder, deadlines })
  const stop = () => void machine.kill()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const gone = machine.fate.rung.then((fate): never => {
      throw new Fault('unreachable', 'soon', `the guest did not come up: ${tell(fate)}`)
    })
    gone.catch(() => {})
    await begin(machine)
    await Promise.race([gone, machine.agent.sync(span)])
    return { machine, output: openOutput(machine.log, linuxGuest), says: linuxGuest, shell, deadlines }
  } catch (error) {
    await machine.kill()
    signal?.throwIfAborted()
    throw withConsole(error, machine)
  } finally {
    signal?.removeEventListener('abort', stop)
  }
}

const withConsole = (error: unknown, machine: Machine): unknown => {
  if (!(error instanceof Fault) || !['timeout', 'unreachable'].includes(error.kind)) return error
  const last = machine
    .console()
    .toString('latin1')
    .trim()
    .split(/[\r\n]+/)
    .at(-1)
    ?.slice(0, 120)
  const said = last ? `its console's last line: ${last}` : 'nothing on its console'
  return new Fault(error.kind, error.retry, `${error.message}; ${said}`, { cause: error })
}
