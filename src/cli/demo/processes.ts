// The demo's bot and worker: real processes of their own, started again when they die, ended with the demo.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export type Supervised = { stop(): Promise<void> }

export type SuperviseOptions = {
  /** Arguments of the grapevine command. */
  args: string[]
  env: NodeJS.ProcessEnv
  onLine: (line: string) => void
  /** It died `times` times by now, in the way that `how` says. */
  onDeath: (how: string, times: number) => void
}

const main = new URL('../main.ts', import.meta.url).pathname

/** A child that ends when its standard input does: it cannot outlive us, however we die. */
const start = ({ args, env, onLine }: SuperviseOptions): ChildProcess => {
  const words = ['--disable-warning=ExperimentalWarning', main, ...args, '--until-stdin-ends']
  const child = spawn(process.execPath, words, { env, stdio: ['pipe', 'pipe', 'pipe'] })
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', onLine)
  }
  child.stdin?.on('error', () => {})
  return child
}

/** Keeps one process running until `stop`. */
export const supervise = (options: SuperviseOptions): Supervised => {
  let stopping = false
  let deaths = 0
  let child = start(options)
  const watch = () => {
    child.once('exit', (code, signal) => {
      if (stopping) return
      deaths++
      options.onDeath(signal ?? `exit code ${code}`, deaths)
      child = start(options)
      watch()
    })
  }
  watch()
  return {
    async stop() {
      stopping = true
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.stdin?.end()
      const killer = setTimeout(() => child.kill('SIGKILL'), 20_000)
      await gone
      clearTimeout(killer)
    },
  }
}
