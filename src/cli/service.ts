// Options that the two services, start and worker, share.
import { Command, Option } from 'commander'
import type { Log } from '../ports/log.ts'
import { openLog } from '../wiring/log.ts'
import type { CliDeps } from './deps.ts'

export type ServiceOptions = { logJson?: boolean; untilStdinEnds?: boolean }

/** A command that runs until it is told to stop. */
export const serviceCommand = (name: string): Command =>
  new Command(name)
    .option('--log-json', 'log JSON lines instead of sentences')
    .addOption(new Option('--until-stdin-ends', 'stop when standard input ends').hideHelp())

/** The service's log, and the signal that ends it. */
export const service = (deps: CliDeps, options: ServiceOptions): { log: Log; signal: AbortSignal } => {
  const log = openLog(options.logJson ? 'json' : 'lines')
  if (!options.untilStdinEnds) return { log, signal: deps.signal }
  const over = new AbortController()
  deps.stdin.once('end', () => over.abort(new Error('standard input ended')))
  deps.stdin.once('close', () => over.abort(new Error('standard input closed')))
  deps.stdin.resume()
  return { log, signal: AbortSignal.any([deps.signal, over.signal]) }
}
