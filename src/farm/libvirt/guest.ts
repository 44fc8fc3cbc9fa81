// A domain's way from its snapshot to an answering guest, and to off again. Leases and the making of snapshots go it.
import { randomBytes } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import type { GuestOs } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { AgentDialect } from '../guest/by-agent/dialect.ts'
import type { AgentGuest } from '../guest/by-agent/exec.ts'
import { linuxByAgent } from '../guest/by-agent/linux.ts'
import type { Program } from '../guest/by-agent/port.ts'
import { runProgram, unlessGone } from '../guest/by-agent/program.ts'
import { windowsByAgent } from '../guest/by-agent/windows.ts'
import type { Owner } from '../owner.ts'
import type { LibvirtDeadlines } from './deadlines.ts'
import type { Domain } from './domain.ts'
import { factsOf } from './facts.ts'
import { type Watch, watchDomain } from './watch.ts'

export type LibvirtGuest = AgentGuest & {
  domain: Domain
  watch: Watch
  /** As it is while it runs. */
  xml: string
  /** What its console printed since it runs; empty where libvirt does not log it to a file of this host. */
  console(): Promise<Buffer>
  /** A program of the farm's own. */
  tool(program: Program, span?: Millis): Promise<string>
  /** Off: its memory is free. Repeatable. Throws a Fault if libvirt does not do it. */
  off(): Promise<void>
}

export type StartRequest = {
  domain: Domain
  snapshot: string
  os: GuestOs
  owner: Owner
  run: string
  deadlines: LibvirtDeadlines
  signal: AbortSignal | undefined
}

const tries = 3

/** Fault damaged (soon) if the snapshot cannot be reverted to; timeout if its guest does not answer; refused if the domain is somebody else's. */
export const startGuest = async (request: StartRequest): Promise<LibvirtGuest> => {
  await requireFree(request.domain, request.owner)
  for (let left = tries; ; left--) {
    try {
      return await startOnce(request)
    } catch (error) {
      if (left <= 1 || !isDeaf(error)) throw error
    }
  }
}

/** The end of the run before may reach libvirt (9.0) only when the domain runs again: then it takes the new guest's agent for the broken one, for as
 *  long as this guest runs. */
const isDeaf = (error: unknown): boolean =>
  error instanceof Fault && error.message.includes('not available due to an error')

const startOnce = async (request: StartRequest): Promise<LibvirtGuest> => {
  const { domain, owner, run, deadlines, signal } = request
  await revert(request)
  let watch: Watch | undefined
  try {
    const [xml] = await Promise.all([domain.xml(), domain.setMark(markOf(owner, run))])
    const console = await consoleFrom(xml, domain.uri)
    watch = watchDomain({ domain, deadlines, console })
    await domain.resume()
    watch.begin()
    signal?.throwIfAborted()
    return await awake(request, { watch, xml, console })
  } catch (error) {
    watch?.stop()
    await domain.off().catch(() => {})
    throw error
  }
}

/** What stands on the domain while it runs for us. */
export const markOf = (owner: Owner, run: string) => ({
  token: owner.token,
  owner: `${owner.pid}.${owner.start}.${owner.boot}`,
  run: run.replace(/[^\w.:-]/g, '_').slice(0, 150),
})

/** A revert throws away what a running guest has: nobody's but our own may be lost. */
const requireFree = async (domain: Domain, owner: Owner): Promise<void> => {
  const { state } = await domain.state()
  if (state === 'shut off') return
  const mark = await domain.mark()
  if (mark?.token === owner.token) return
  const whose = mark ? `for the farm ${mark.token}` : 'and not for this farm'
  throw new Fault('refused', 'later', `the domain ${domain.name} is ${state}, ${whose}`, {
    remedy: `if nobody needs it: virsh --connect ${domain.uri} destroy ${domain.name}`,
  })
}

const revert = async ({ domain, snapshot, signal }: StartRequest): Promise<void> => {
  try {
    await domain.revert(snapshot, signal)
  } catch (error) {
    await domain.off().catch(() => {})
    if (!(error instanceof Fault) || error.kind !== 'refused') throw error
    const { message } = error
    if (/Cannot allocate memory|No space left/.test(message))
      throw new Fault('exhausted', 'later', message, { cause: error })
    throw new Fault('damaged', 'soon', `snapshot ${snapshot} of ${domain.name}: ${message}`, {
      cause: error,
      remedy: `try it by hand: virsh --connect ${domain.uri} snapshot-revert ${domain.name} ${snapshot}`,
    })
  }
}

const dialects: Record<GuestOs, AgentDialect> = { linux: linuxByAgent, windows: windowsByAgent }

type Running = { watch: Watch; xml: string; console: () => Promise<Buffer> }

const awake = async (
  { domain, os, run, deadlines, signal }: StartRequest,
  { watch, xml, console }: Running,
): Promise<LibvirtGuest> => {
  const says = dialects[os]
  const port = domain.agent
  const tool = (program: Program, span = deadlines.wakeMs) =>
    unlessGone(watch.fate, runProgram(port, program, span))
  await unlessGone(watch.fate, answering(domain, deadlines, signal))
  const seed = randomBytes(64).toString('hex')
  const name = `clone-${run.replace(/[^a-zA-Z0-9]/g, '').slice(-16) || 'run'}`
  await tool(says.wake({ now: Date.now(), name, seed }))
  const [bootMark] = await Promise.all([tool(says.bootMark()), tool(says.settleIn())])
  signal?.throwIfAborted()
  const off = async () => {
    watch.stop()
    await domain.off()
  }
  return { port, says, bootMark, fate: watch.fate, deadlines, domain, watch, xml, console, tool, off }
}

const againMs = 200

const answering = async (domain: Domain, { wakeMs }: LibvirtDeadlines, signal?: AbortSignal) => {
  const end = performance.now() + wakeMs
  for (;;) {
    signal?.throwIfAborted()
    try {
      return await domain.agent.command('guest-ping', {}, 5_000)
    } catch (error) {
      const mute = error instanceof Fault && ['timeout', 'unreachable'].includes(error.kind)
      if (!mute || isDeaf(error) || performance.now() > end) throw silent(error, wakeMs)
    }
    await sleep(againMs)
  }
}

const silent = (error: unknown, span: Millis): unknown =>
  error instanceof Fault && error.kind !== 'refused'
    ? new Fault(
        'timeout',
        'soon',
        `the guest's agent did not answer within ${span / 1000} s: ${error.message}`,
        {
          cause: error,
        },
      )
    : error

const isHere = (uri: string): boolean => /^[a-z]+(\+unix)?:\/\/\//.test(uri)
const keptConsole = 4 << 20

/** libvirt's files go on from run to run: what was there before the resume is an earlier run's. */
const consoleFrom = async (xml: string, uri: string): Promise<() => Promise<Buffer>> => {
  const file = isHere(uri) ? factsOf(xml).consoleFiles[0] : undefined
  const sizeOf = async (path: string) => (await stat(path).catch(() => undefined))?.size ?? 0
  const from = file === undefined ? 0 : await sizeOf(file)
  return async () => {
    if (file === undefined) return Buffer.alloc(0)
    const size = await sizeOf(file)
    // Truncated by somebody, as by a QEMU that was started anew.
    const start = size < from ? 0 : from
    return await lastPart(file, Math.max(start, size - keptConsole), size).catch(() => Buffer.alloc(0))
  }
}

const lastPart = async (file: string, from: number, to: number): Promise<Buffer> => {
  await using handle = await open(file)
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(to - from), 0, to - from, from)
  return buffer.subarray(0, bytesRead)
}
