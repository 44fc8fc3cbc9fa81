// libvirt by its command virsh(1): one process for each call, each with a deadline. What goes wrong stands on its stderr.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'

export type Virsh = {
  readonly uri: string
  /** What it printed. Faults: unreachable (never: no virsh; later: no libvirt), timeout, refused (libvirt's words). Throws the signal's reason. */
  run(args: string[], options?: { span?: Millis; signal?: AbortSignal | undefined }): Promise<string>
  /** A command that goes on for ever; `ended` is rung when it ended after all. */
  follow(args: string[], onLine: (line: string) => void, ended: () => void): { stop(): void }
}

export type VirshOptions = { uri: string; callMs: Millis; program?: string }

/** A guest's file of 1 MiB in base64 is the longest answer. */
const longestAnswer = 64 << 20

export const openVirsh = ({ uri, callMs, program = 'virsh' }: VirshOptions): Virsh => {
  const env = { ...process.env, LC_ALL: 'C', LANGUAGE: 'C' }
  const line = (args: string[]) => ['--quiet', '--connect', unattended(uri), ...args]

  const run: Virsh['run'] = (args, { span = callMs, signal } = {}) =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const limits = { timeout: Math.ceil(span), killSignal: 'SIGKILL', maxBuffer: longestAnswer } as const
      const options = { env, ...limits, ...(signal && { signal }) }
      const child = execFile(program, line(args), options, (error, stdout, stderr) => {
        if (!error) return resolve(stdout)
        if (signal?.aborted) return reject(signal.reason)
        reject(faultOf(error, { stderr, what: `virsh ${args[0]}`, span, uri, program }))
      })
      child.stdin?.end()
    })

  const follow: Virsh['follow'] = (args, onLine, ended) => {
    const child: ChildProcess = spawn(program, line(args), { env, stdio: ['ignore', 'pipe', 'ignore'] })
    let over = false
    const end = () => {
      if (!over) ended()
      over = true
    }
    child.once('error', end).once('exit', end)
    if (child.stdout) createInterface(child.stdout).on('line', onLine)
    return {
      stop: () => {
        over = true
        child.kill('SIGKILL')
      },
    }
  }

  return { uri, run, follow }
}

/** ssh must ask nobody: there is nobody (libvirt, "Connection URIs", no_tty). */
const unattended = (uri: string): string =>
  /^[a-z]+\+(ssh|libssh2?)/.test(uri) && !uri.includes('no_tty=')
    ? `${uri}${uri.includes('?') ? '&' : '?'}no_tty=1`
    : uri

type Failed = Error & { code?: string | number | null; killed?: boolean; signal?: string | null }
type Call = { stderr: string; what: string; span: Millis; uri: string; program: string }

const noConnection =
  /failed to connect to the hypervisor|Cannot (recv|write) data|client socket is closed|End of file while reading|server closed connection|Disconnected from|keepalive timeout/

const faultOf = (error: Failed, { stderr, what, span, uri, program }: Call): Fault => {
  const words = lastWords(stderr)
  const more = { cause: error }
  if (error.code === 'ENOENT')
    return new Fault('unreachable', 'never', `there is no ${program} here`, {
      ...more,
      remedy: 'install it: apt-get install libvirt-clients',
    })
  if (noConnection.test(stderr))
    return new Fault('unreachable', 'later', `libvirt at ${uri} cannot be reached: ${words}`, {
      ...more,
      remedy: `see what virsh says: virsh --connect ${uri} list --all`,
    })
  if (error.killed || error.signal || /cannot acquire state change lock|Timed out/.test(stderr))
    return new Fault(
      'timeout',
      'soon',
      `${what}: ${words || `nothing within ${Math.round(span / 1000)} s`}`,
      more,
    )
  return new Fault('refused', 'soon', `${what}: ${words || error.message}`, more)
}

/** virsh first says what it could not do, then why. */
const lastWords = (stderr: string): string => {
  const lines = stderr
    .split('\n')
    .map(line => line.replace(/^error: /, '').trim())
    .filter(Boolean)
  return [...new Set(lines)].slice(-2).join(': ')
}
