// A machine's way to an answering guest: booted from its image (freezes, qualification), or forked from a template (clones).
import { readFile } from 'node:fs/promises'
import type { GuestOs } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import { sha256 } from '../text/digest.ts'
import { errnoFault, errnoOf } from '../text/errno.ts'
import type { Deadlines } from './deadline.ts'
import type { Guest } from './exec.ts'
import { faultOf } from './fate.ts'
import { systemFor } from './guest/systems.ts'
import { type Machine, startMachine, tell } from './machine.ts'
import type { Layout, Places, Qemu } from './qemu.ts'

export type MachineSpec = {
  qemu: Qemu
  layout: Layout
  /** Without `incoming`: how the machine starts says that. */
  places: Omit<Places, 'incoming'>
  /** Exists, and belongs to this machine alone. */
  folder: string
  /** Default: linux. */
  os?: GuestOs | undefined
  shell: string
  /** Keeps what is made for guests, and made once; default: the machine's folder. */
  cache?: string | undefined
  deadlines: Deadlines
}

/** The device state that a freeze saved. */
export type SavedState = { file: string; sha256: string }

/** From power-on to a guest that answers and has in it what clones need. Faults: timeout with the console's last line, unreachable. */
export const boot = async (spec: MachineSpec, span: Millis, signal?: AbortSignal): Promise<Guest> =>
  await answering(spec, { incoming: false, signal }, async ({ machine, says }) => {
    await machine.qmp.command('cont')
    await Promise.race([down(machine), machine.agent.sync(span)])
    await says.plumb(spec.cache ?? spec.folder)
  })

/** Never fulfilled; fails when the guest is gone. */
const down = (machine: Machine): Promise<never> => {
  const gone = machine.fate.rung.then((fate): never => {
    throw faultOf(fate, 'the guest did not come up')
  })
  gone.catch(() => {})
  return gone
}

/** From a template's files to the guest's answer. Faults: damaged (the state is not what was saved, or does not load), timeout, unreachable. */
export const fork = async (spec: MachineSpec, state: SavedState, signal?: AbortSignal): Promise<Guest> => {
  const span = spec.deadlines.forkMs
  return await answering(spec, { incoming: true, signal }, async ({ machine, says }) => {
    const bytes = await readFile(state.file).catch(unlessGone(state.file))
    if (sha256(bytes) !== state.sha256)
      throw new Fault('damaged', 'soon', `${state.file} is not what was saved`)
    await load(machine, bytes, span)
    await Promise.all([machine.qmp.command('cont'), says.hello(span)])
  })
}

/** A file that is gone is damage; that this host cannot open one more is none. */
const unlessGone = (file: string) => (error: unknown) => {
  if (errnoOf(error) === 'ENOENT') return Buffer.alloc(0)
  throw errnoFault(error, 'reading', file)
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
  const failed = machine.fate.rung.then(fate => {
    // Only QEMU's own no says something about the state: it may have been killed, or the disk be full.
    if (machine.exitCode() === undefined) throw faultOf(fate, 'loading the frozen state')
    return `the frozen state does not load: ${tell(fate)}`
  })
  failed.catch(() => {})
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

type Start = { incoming: boolean; signal: AbortSignal | undefined }

const answering = async (
  { qemu, layout, places, folder, os = 'linux', shell, deadlines }: MachineSpec,
  { incoming, signal }: Start,
  begin: (guest: Guest) => Promise<void>,
): Promise<Guest> => {
  signal?.throwIfAborted()
  const machine = await startMachine({ qemu, layout, places: { ...places, incoming }, folder, deadlines })
  const stop = () => void machine.kill()
  signal?.addEventListener('abort', stop, { once: true })
  try {
    const guest = { machine, says: systemFor(os).speakTo({ machine, shell, deadlines }), deadlines }
    await begin(guest)
    return guest
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
