// What every command gets from the program around it. Heavy parts are imported inside a command's action, so that --help is quick.
import type { Readable, Writable } from 'node:stream'
import type { Config } from '../config/config.ts'

export type Output = Writable & { isTTY?: boolean; columns?: number }

export type CliDeps = {
  /** The configuration of --config, GRAPEVINE_CONFIG or ./grapevine.yaml; read once. Throws ConfigError. `repositories:
   *  'later'` for commands that do not need the projects' repositories: they need not be there yet. `secrets: 'later'` for commands that
   *  only look things up: they run in shells that do not have the service's environment. */
  config(options?: { repositories?: 'now' | 'later'; secrets?: 'now' | 'later' }): Promise<Config>
  /** What --config said. */
  configFile(): string | undefined
  /** --debug was given. */
  debug(): boolean
  /** Aborted by the first SIGINT or SIGTERM; its reason is an `Interrupted`. A second signal ends the process at once. */
  signal: AbortSignal
  /** The process ends with this code once the command has returned. */
  exitWith(code: number): void
  env: NodeJS.ProcessEnv
  stdin: Readable
  stdout: Output
  stderr: Output
}

/** Somebody asked for the end: the reason of `CliDeps.signal`. */
export class Interrupted extends Error {
  readonly by: NodeJS.Signals
  constructor(by: NodeJS.Signals) {
    super(`stopped by ${by}`)
    this.name = 'Interrupted'
    this.by = by
  }
}
