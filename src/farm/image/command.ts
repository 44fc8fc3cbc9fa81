// Runs one of the host's programs for an image build: with a deadline, its last lines for the error, and nothing left behind.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import { packageOf } from './host-packages.ts'

export type HostCommand = {
  command: string
  /** What errors call it, if it is started by another program. */
  title?: string
  args: string[]
  timeoutMs: Millis
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** Given to its standard input. */
  input?: string
  /** Every line of stdout and stderr as it comes. */
  onLine?: (line: string) => void
  signal?: AbortSignal | undefined
  /** Exit codes besides 0 that are an answer, and no failure. */
  answers?: number[]
  /** What a person can do if it fails. */
  remedy?: string
}

/** Between being asked to end and being killed: mmdebstrap removes its half-made system meanwhile. */
const graceMs = 15_000
const tailLines = 8

/** Runs it to its end and gives its stdout. Fault unreachable (no such program), timeout, or refused with its last lines;
 *  rejects with the signal's reason if that comes first. Its process group is gone in each case. */
export const runCommand = async (request: HostCommand): Promise<string> => {
  const { command, args, signal, title = command } = request
  signal?.throwIfAborted()
  const child = spawn(command, args, {
    cwd: request.cwd,
    env: { ...process.env, LC_ALL: 'C.UTF-8', ...request.env },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  child.stdin.on('error', () => {})
  child.stdin.end(request.input ?? '')
  const tail: string[] = []
  const out: string[] = []
  const hear = (stream: Readable, keep?: string[]) =>
    createInterface({ input: stream }).on('line', line => {
      keep?.push(line)
      if (line.trim() && line !== tail.at(-1) && tail.push(line) > tailLines) tail.shift()
      request.onLine?.(line)
    })
  hear(child.stdout, out)
  hear(child.stderr)

  const group = (name: NodeJS.Signals) => {
    try {
      if (child.pid) process.kill(-child.pid, name)
    } catch {}
  }
  let stopped: 'deadline' | 'signal' | undefined
  let killer: NodeJS.Timeout | undefined
  const stop = (why: 'deadline' | 'signal') => {
    stopped ??= why
    group('SIGTERM')
    killer ??= setTimeout(() => group('SIGKILL'), graceMs)
  }
  const deadline = setTimeout(() => stop('deadline'), request.timeoutMs)
  const abort = () => stop('signal')
  signal?.addEventListener('abort', abort)
  const ending = await new Promise<{ code: number | null; name: string | null } | Error>(resolve => {
    child.once('error', resolve)
    // A grandchild that keeps the pipes open must not keep us: its group is ended when its leader is.
    child.once('exit', () => group('SIGTERM'))
    child.once('close', (code, name) => resolve({ code, name }))
  })
  clearTimeout(deadline)
  clearTimeout(killer)
  signal?.removeEventListener('abort', abort)

  if (stopped === 'signal') signal?.throwIfAborted()
  const last = tail.join('\n  ')
  const said = last && `; it said last:\n  ${last}`
  const remedy = request.remedy === undefined ? {} : { remedy: request.remedy }
  if (stopped)
    throw new Fault('timeout', 'later', `${title} took over ${request.timeoutMs / 1000} s${said}`, remedy)
  if (ending instanceof Error) throw notStarted(command, ending)
  if (ending.code === 0 || request.answers?.includes(ending.code ?? -1)) return out.join('\n')
  const how = ending.name ? `was killed by ${ending.name}` : `failed with exit code ${ending.code}`
  throw new Fault('refused', 'later', `${title} ${how}${said}`, remedy)
}

const notStarted = (command: string, cause: Error): Fault => {
  const needed = packageOf(command)
  const remedy = needed === undefined ? {} : { remedy: `apt-get install ${needed}` }
  return new Fault('unreachable', 'never', `${command} does not start: ${cause.message}`, {
    cause,
    ...remedy,
  })
}
