// One running QEMU: its process, its QMP, the guest's ports, and what became of it. Clones, freezes and qualification boots are made of it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { Fault } from '../model/fault.ts'
import type { Ending } from '../model/run.ts'
import { type Agent, openAgent } from './agent.ts'
import { type Bell, bell, type Deadlines } from './deadline.ts'
import { channels, spawnQemu } from './qemu.ts'
import { connectQmp, type Qmp, type QmpEvent } from './qmp.ts'

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
  readonly events: QmpEvent[]
  /** Ends the process and waits for it. Repeatable. */
  kill(): Promise<void>
  stderr(): string
  console(): Buffer
}

const consoleFile = 'console.log'
const keptEvents = 10_000

export type StartRequest = { program: string; args: string[]; folder: string; deadlines: Deadlines }

/** Starts QEMU, paused (-S). Fault unreachable with QEMU's own words if it does not come up. */
export const startMachine = async ({ program, args, folder, deadlines }: StartRequest): Promise<Machine> => {
  const { child, channel } = spawnQemu(program, args, folder)
  const fate = bell<Fate>()
  const exited = bell<string>()
  const events: QmpEvent[] = []
  let stderr = ''
  child.stderr?.on('data', chunk => {
    stderr = (stderr + chunk).slice(-16_384)
  })
  child.once('error', error => exited.ring(error.message))
  // Not `close`: that waits for the guest's ports as well, which nobody may be reading.
  child.once('exit', (code, signal) => {
    const how = signal ? `killed by ${signal}` : `exit code ${code}`
    if (child.stderr?.readableEnded !== false) exited.ring(how)
    else child.stderr.once('close', () => exited.ring(how))
  })
  const console = () => readIfThere(join(folder, consoleFile))
  const words = (how: string) => [how, ...stderr.trim().split('\n').slice(-3)].filter(Boolean).join(': ')
  exited.rung.then(how => fate.ring({ kind: 'vm-died', detail: words(`QEMU ended, ${how}`) }))

  const hear = (event: QmpEvent) => {
    if (events.length < keptEvents) events.push(event)
    const fated = fateOf(event, console)
    if (fated) fate.ring(fated)
  }
  const kill = async () => {
    child.kill('SIGKILL')
    await exited.rung
    for (const fd of Object.values(channels)) channel(fd).destroy()
  }

  const connecting = connectQmp(channel(channels.qmp), deadlines.qmpMs)
  const dead = exited.rung.then(how => {
    throw new Fault('unreachable', 'soon', words(`QEMU did not start, ${how}`))
  })
  dead.catch(() => {})
  connecting.catch(() => {})
  try {
    const qmp = await Promise.race([
      connecting.catch(error => dead.finally(() => Promise.reject(error))),
      dead,
    ])
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
      events,
      kill,
      stderr: () => stderr,
      console,
    }
  } catch (error) {
    await kill()
    throw error
  }
}

/** Which events end a guest (QEMU, qapi/run-state.json, qapi/block-core.json). */
const fateOf = ({ event, data }: QmpEvent, console: () => Buffer): Fate | undefined => {
  if (event === 'GUEST_PANICKED') return { kind: 'crashed', how: 'panic' }
  if (event === 'SHUTDOWN' && data.guest === true) {
    if (data.reason === 'guest-shutdown') return { kind: 'powered-off' }
    // Without a pvpanic driver a kernel says that it panicked on its console only, and then resets.
    const panicked = console().includes('Kernel panic - not syncing')
    return { kind: 'crashed', how: panicked || data.reason === 'guest-panic' ? 'panic' : 'reset' }
  }
  if (event === 'BLOCK_IO_ERROR' && data.action === 'stop') {
    const detail = `${data.operation} of the guest's disk: ${data.reason}`
    return data.nospace === true ? { kind: 'out-of-space', detail } : { kind: 'disk-error', detail }
  }
  return undefined
}

const readIfThere = (file: string): Buffer => {
  try {
    return readFileSync(file)
  } catch {
    return Buffer.alloc(0)
  }
}

/** For people: how a guest went. */
export const tell = (fate: Fate): string => ('detail' in fate ? fate.detail : `the guest ${fate.kind}`)
