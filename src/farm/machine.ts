// One running QEMU: its process, its QMP, the guest's ports, and what became of it. Clones, freezes and qualification boots are made of it.
import { statfs } from 'node:fs/promises'
import type { Duplex } from 'node:stream'
import { Fault } from '../model/fault.ts'
import type { Ending } from '../model/run.ts'
import { type Agent, openAgent } from './agent.ts'
import { openConsole } from './console.ts'
import { type Bell, bell, type Deadlines, within } from './deadline.ts'
import { firstAndLast } from './first-and-last.ts'
import type { Cell } from './jail.ts'
import { argumentsFor, channels, type Layout, type Places, type Qemu, spawnQemu } from './qemu.ts'
import { connectQmp, type Qmp, type QmpEvent } from './qmp.ts'
import { systemFault } from './system-fault.ts'
import { denied, namedFrom } from './within-farm.ts'

/** What ended a machine for good. */
export type Fate = Extract<
  Ending,
  { kind: 'powered-off' | 'crashed' | 'vm-died' | 'disk-error' | 'out-of-space' | 'template-damaged' }
>

export type Machine = {
  readonly folder: string
  readonly args: string[]
  readonly pid: number
  readonly qmp: Qmp
  readonly agent: Agent
  readonly log: Duplex
  readonly stream: Duplex
  readonly incoming: Duplex
  /** Rung once, when the guest is gone for whatever reason, our own kill included. */
  readonly fate: Bell<Fate>
  /** The first and the last; a line in between says how many are missing. */
  events(): (QmpEvent | { missing: number })[]
  /** Who QEMU runs as, and what it may use; undefined: no jail was asked for. */
  readonly cell: Pick<Cell, 'user' | 'limits'> | undefined
  /** From now on the worker's own work goes before this machine's. Not before it answers: a fork is waited for. */
  lower(): void
  /** Lets QEMU have a file that we made in its folder. */
  lend(file: string): Promise<void>
  /** Ends the process and waits for it. Repeatable. Fault timeout if it does not end. */
  kill(): Promise<void>
  /** What QEMU ended with by its own will; undefined while it runs, and when a signal ended it. */
  exitCode(): number | undefined
  stderr(): string
  console(): Buffer
}

const keptEvents = { first: 2_000, last: 1_000 } as const
const keptStderr = 16_384

export type StartRequest = {
  qemu: Qemu
  layout: Layout
  places: Places
  /** Exists, and is this machine's alone. */
  folder: string
  deadlines: Deadlines
}

/** Starts QEMU, paused (-S). Faults: unreachable with QEMU's own words if it does not come up, refused if its user may not have a file, and those of the jail. */
export const startMachine = async (request: StartRequest): Promise<Machine> => {
  const { qemu, folder, deadlines } = request
  const { layout, places } = await named(request)
  const args = argumentsFor(qemu, layout, places)
  const cell = await qemu.jail?.enter(request)
  const { child, channel } = await spawned([qemu.program, ...args], { folder, cell })
  if (child.pid !== undefined) cell?.hold(child.pid)
  const fate = bell<Fate>()
  const exited = bell<Exit>()
  const events = firstAndLast<QmpEvent>(keptEvents)
  const console = openConsole(channel(channels.console))
  let stderr = ''
  child.stderr?.on('data', chunk => {
    stderr = (stderr + chunk).slice(-keptStderr)
  })
  child.once('error', error => exited.ring({ how: error.message }))
  // Not `close`: that waits for the guest's ports as well, which nobody may be reading.
  child.once('exit', (code, signal) => {
    const exit = { how: signal ? `killed by ${signal}` : `exit code ${code}`, signal }
    if (child.stderr?.readableEnded !== false) exited.ring(exit)
    else child.stderr.once('close', () => exited.ring(exit))
  })
  const words = (how: string) => [how, ...stderr.trim().split('\n').slice(-3)].filter(Boolean).join(': ')
  exited.rung.then(async exit => fate.ring(await fateOfExit(exit, { words, folder })))
  const left = exited.rung.then(() => cell?.leave())

  const hear = (event: QmpEvent) => {
    events.add(event)
    void fateOf(event, console.text).then(fated => fated && fate.ring(fated))
  }
  const kill = async () => {
    child.kill('SIGKILL')
    try {
      // A process that waits for a broken disk does not even die.
      await within(left, deadlines.qmpMs, 'the end of QEMU')
    } finally {
      for (const fd of Object.values(channels)) channel(fd).destroy()
    }
  }

  const connecting = connectQmp(channel(channels.qmp), deadlines.qmpMs)
  const dead = exited.rung.then(async ({ how }) => {
    const shut = /Permission denied/.test(stderr) && (await whatIsShut(cell, { layout, places, folder }))
    throw shut || new Fault('unreachable', 'soon', words(`QEMU did not start, ${how}`))
  })
  dead.catch(() => {})
  connecting.catch(() => {})
  try {
    // A closed connection is told by the end of the process, with its words; a QEMU that only says nothing may never end.
    const lost = (error: unknown) =>
      error instanceof Fault && error.kind === 'unreachable'
        ? within(dead, deadlines.qmpMs, 'the end of QEMU')
        : Promise.reject(error)
    const qmp = await Promise.race([connecting.catch(lost), dead])
    qmp.listen(hear)
    return {
      folder,
      args,
      pid: child.pid ?? 0,
      qmp,
      agent: openAgent(channel(channels.agent)),
      log: channel(channels.log),
      stream: channel(channels.stream),
      incoming: channel(channels.incoming),
      fate,
      events: () => withGap(events.list(), { after: keptEvents.first, missing: events.missing() }),
      cell,
      lower: () => cell?.lower(child.pid ?? 0),
      lend: async file => await cell?.lend(file),
      kill,
      exitCode: () => child.exitCode ?? undefined,
      stderr: () => stderr,
      console: console.text,
    }
  } catch (error) {
    await kill()
    throw error
  }
}

const spawned = async (command: string[], { folder, cell }: { folder: string; cell: Cell | undefined }) => {
  try {
    return spawnQemu(command, folder, cell?.wrap)
  } catch (error) {
    await cell?.leave()
    throw systemFault(error, 'QEMU')
  }
}

/** The files as QEMU is told of them. */
const named = async ({ qemu, layout, places, folder }: StartRequest) =>
  qemu.jail ? await namedFrom({ layout, places }, { folder, farm: qemu.jail.farm }) : { layout, places }

const whatIsShut = async (
  cell: Cell | undefined,
  { layout, places, folder }: { layout: Layout; places: Places; folder: string },
): Promise<Fault | undefined> => {
  if (!cell?.user) return undefined
  const { disk, memory, vars } = places
  const there = (paths: (string | undefined)[]) => paths.filter(path => path !== undefined)
  const read = [
    layout.kernel,
    layout.initrd,
    layout.firmware,
    ...(disk?.backing ?? []).map(({ file }) => file),
  ]
  const write = [memory.file, disk?.overlay, vars]
  return await denied(cell.user, { folder, read: there(read), write: there(write) })
}

const withGap = <T>(list: T[], { after, missing }: { after: number; missing: number }) =>
  missing > 0 ? [...list.slice(0, after), { missing }, ...list.slice(after)] : list

type Exit = { how: string; signal?: NodeJS.Signals | null }

/** Less than this is a full disk. */
const noRoomBytes = 4 * 2 ** 20

/** SIGBUS is how the kernel says that a page of a mapped file can be neither read nor written: the disk is full, or the file was cut. */
const fateOfExit = async (
  { how, signal }: Exit,
  { words, folder }: { words: (how: string) => string; folder: string },
): Promise<Fate> => {
  const detail = words(`QEMU ended, ${how}`)
  if (signal !== 'SIGBUS') return { kind: 'vm-died', detail }
  const room = await statfs(folder).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => Number.POSITIVE_INFINITY,
  )
  return room < noRoomBytes
    ? { kind: 'out-of-space', detail: `the disk of ${folder} is full: ${detail}` }
    : { kind: 'vm-died', detail }
}

/** Which events end a guest (QEMU, qapi/run-state.json, qapi/block-core.json). */
const fateOf = async ({ event, data }: QmpEvent, console: () => Buffer): Promise<Fate | undefined> => {
  if (event === 'GUEST_PANICKED') return { kind: 'crashed', how: 'panic' }
  if (event === 'SHUTDOWN' && data.guest === true) {
    if (data.reason === 'guest-shutdown') return { kind: 'powered-off' }
    // Without a pvpanic driver a kernel says that it panicked on its console only, and then resets. What it said is in the
    // console's socket already, and is read within two rounds of the event loop.
    for (let round = 0; round < 2; round++) await new Promise(setImmediate)
    const panicked = console().includes('Kernel panic - not syncing')
    return { kind: 'crashed', how: panicked || data.reason === 'guest-panic' ? 'panic' : 'reset' }
  }
  if (event === 'BLOCK_IO_ERROR' && data.action === 'stop') {
    const detail = `${data.operation} of the guest's disk: ${data.reason}`
    return data.nospace === true ? { kind: 'out-of-space', detail } : { kind: 'disk-error', detail }
  }
  return undefined
}

/** For people: how a guest went. */
export const tell = (fate: Fate): string => ('detail' in fate ? fate.detail : `the guest ${fate.kind}`)
