// Runs git as a program, with a deadline and without ever asking anybody anything. Used by mirror.ts.
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import { runProgram } from '../program.ts'

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

/** Resolves however git ends. Faults: timeout (git and what it started, as git-remote-https or ssh, are killed), exhausted (git is not installed). */
export const runGit = async (
  args: string[],
  { cwd, timeoutMs, input, keep = keptOutput, env }: GitOptions,
): Promise<GitResult> => {
  const { code, stdout, stderr } = await runProgram(['git', ...args], {
    what: `git ${args.find(arg => /^[a-z]/.test(arg)) ?? ''}`,
    ...{ cwd, timeoutMs, input, keep, notStarted },
    env: { ...environment, ...env },
  })
  return { code: code ?? 128, stdout, stderr }
}

export const notStarted = (error: Error): Fault =>
  new Fault('exhausted', 'later', `git cannot be started: ${error.message}`, {
    cause: error,
    remedy: 'install git, or add it to the PATH',
  })
