// Where the process begins: arguments and signals in, exit code out. What the commands do stands in their files.
import { readFileSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import { type CliDeps, Interrupted, type Output } from './deps.ts'
import { codeOfSignal, exitCode, farewell, printFarewell } from './exit.ts'
import { prefix, program } from './program.ts'

/** A command that has returned may have left a socket open: the process ends all the same. */
const lingerMs = 2000

const args = process.argv.slice(2)

const version = (): string => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { version } = JSON.parse(text) as { version: string }
  return version
}

const interruption = (): AbortSignal => {
  const controller = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const)
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(codeOfSignal(name))
      controller.abort(new Interrupted(name))
    })
  return controller.signal
}

/** `grapevine … | head`: nobody reads any more, which is no error. */
const endWithReader = (output: Output): void => {
  output.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? exitCode.ok)
    throw error
  })
}

const configReader = (file: () => string | undefined): CliDeps['config'] => {
  const read = new Map<string, Promise<Config>>()
  return ({ repositories = 'now', secrets = 'now' } = {}) => {
    const key = `${repositories} ${secrets}`
    const known = read.get(key)
    if (known) return known
    const loading = import('../config/load.ts').then(async ({ readConfig }) => {
      const { config, warnings } = await readConfig({ file: file(), env: process.env, repositories, secrets })
      for (const warning of warnings) process.stderr.write(`${prefix}warning: ${warning}\n`)
      return config
    })
    read.set(key, loading)
    return loading
  }
}

const run = async (): Promise<number> => {
  let leaveWith: number | undefined
  let options: { config?: string; debug?: boolean } = { debug: args.includes('--debug') }
  const signal = interruption()
  const deps: CliDeps = {
    config: configReader(() => options.config),
    configFile: () => options.config,
    debug: () => options.debug === true,
    signal,
    exitWith: code => {
      leaveWith = code
    },
    env: process.env,
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
  }
  try {
    const grapevine = await program(args, deps, version())
    grapevine.hook('preAction', () => {
      options = grapevine.opts()
    })
    await grapevine.parseAsync(args, { from: 'user' })
    const stoppedBy: unknown = signal.reason
    // An orderly stop on SIGTERM is what a service manager asked for; Ctrl-C cut something short.
    const interrupted = stoppedBy instanceof Interrupted && stoppedBy.by === 'SIGINT'
    return leaveWith ?? (interrupted ? codeOfSignal('SIGINT') : exitCode.ok)
  } catch (error) {
    // Whatever fails after the first signal fails because of it, but for bugs.
    const aborted = error instanceof Error && error.name === 'AbortError'
    const reason =
      signal.aborted && (aborted || farewell(error).code !== exitCode.bug) ? signal.reason : error
    process.stderr.write(printFarewell(reason, { debug: options.debug === true }))
    return farewell(reason).code
  }
}

endWithReader(process.stdout)
endWithReader(process.stderr)
process.exitCode = await run()
setTimeout(() => process.exit(), lingerMs).unref()
