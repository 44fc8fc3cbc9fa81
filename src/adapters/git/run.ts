// Runs git as a program, with a deadline and without ever asking anybody anything. Used by mirror.ts.
import { spawn } from 'node:child_process'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'

export type GitResult = { code: number; stdout: string; stderr: string }

export type GitOptions = {
  cwd?: string
  timeoutMs: Millis
  /** What git reads; nothing if not given. */
  input?: string
  /** So many bytes of what it prints are kept, the last ones. */
  keep?: number
  /** Besides our own: secrets, which must not be seen in a list of processes. */
  env?: Record<string, string>
}

/** git's own variables in our environment would point it at another repository. */
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^GIT_(?!SSH|SSL|HTTP|CONFIG_GLOBAL|EXEC_PATH)/.test(name)),
)

export const environment = {
  ...inherited,
  LC_ALL: 'C',
  GIT_TERMINAL_PROMPT: '0',
  GIT_ASKPASS: '',
  SSH_ASKPASS: '',
  GIT_SSH_COMMAND: process.env.GIT_SSH_COMMAND ?? 'ssh -o BatchMode=yes -o ConnectTimeout=30',
  GIT_ALLOW_PROTOCOL: 'file:https:ssh:git',
  GIT_NO_REPLACE_OBJECTS: '1',
}

const keptOutput = 64 * 1024

/** Resolves however git ends. Faults: timeout (git and what it started are killed), exhausted (git is not installed). */
export const runGit = (
  args: string[],
  { cwd, timeoutMs, input, keep = keptOutput, env }: GitOptions,
): Promise<GitResult> =>
  new Promise((resolve, reject) => {
    // Its own process group: git starts helpers (git-remote-https, ssh, index-pack), and all of them must go.
    const child = spawn('git', args, {
      cwd,
      env: { ...environment, ...env },
      detached: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    })
    // git may end before it has read all (EPIPE); its exit code says what that means.
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
    const output = { stdout: '', stderr: '' }
    const collect = (name: 'stdout' | 'stderr') => (chunk: Buffer) => {
      output[name] = (output[name] + chunk.toString()).slice(-keep)
    }
    child.stdout?.on('data', collect('stdout'))
    child.stderr?.on('data', collect('stderr'))
    let late = false
    const timer = setTimeout(() => {
      late = true
      killGroup(child.pid)
    }, timeoutMs)
    child.once('error', error => {
      clearTimeout(timer)
      reject(notStarted(error))
    })
    child.once('close', code => {
      clearTimeout(timer)
      const what = `git ${args.find(arg => /^[a-z]/.test(arg)) ?? ''}`
      if (late)
        reject(new Fault('timeout', 'later', `${what}: no end after ${Math.round(timeoutMs / 1000)} s`))
      else resolve({ code: code ?? 128, ...output })
    })
  })

export const killGroup = (pid: number | undefined): void => {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself in this moment.
  }
}

export const notStarted = (error: Error): Fault =>
  new Fault('exhausted', 'later', `git cannot be started: ${error.message}`, {
    cause: error,
    remedy: 'install git, or add it to the PATH',
  })
