// The program as operators start it: bot, worker and pages as processes of their own, around one folder.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const main = new URL('../../src/cli/main.ts', import.meta.url).pathname
const bin = new URL('../../bin/grapevine', import.meta.url).pathname

export type Service = 'start' | 'worker' | 'web'

/** `folder` has grapevine.yaml in it, and gets a log of each. `inside`: how a command is started somewhere else. */
export const services = ({
  folder,
  env,
  inside = (program, given) => [program, given],
}: {
  folder: string
  env: NodeJS.ProcessEnv
  inside?: (program: string, given: string[]) => [string, string[]]
}) => {
  const running = new Map<Service, ChildProcess>()
  const kill = async (name: Service, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    const child = running.get(name)
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }
  return {
    start(name: Service): void {
      const words = [
        '--disable-warning=ExperimentalWarning',
        main,
        '--config',
        join(folder, 'grapevine.yaml'),
      ]
      const [program, given] = inside(process.execPath, [...words, name])
      const child = spawn(program, given, { env, stdio: ['ignore', 'pipe', 'pipe'] })
      let said = ''
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', data => {
          appendFileSync(join(folder, `${name}.log`), data)
          said = `${said}${data}`.slice(-2000)
        })
      // Who waits for it in vain would otherwise learn nothing but that.
      child.once('close', code => {
        if (code) console.error(`${name} ended with ${code}:\n${said}`)
      })
      running.set(name, child)
    },
    kill,
    async killAll(): Promise<void> {
      for (const name of running.keys()) await kill(name)
    },
  }
}

/** For `inside`: by the script that people call. */
export const byScript = (_: string, given: string[]): [string, string[]] => [
  bin,
  given.slice(given.indexOf('--config')),
]

/** Waits as long as the test may take; what it waits for is told when it never comes. */
export const until = async (what: string, look: () => Promise<boolean> | boolean): Promise<void> => {
  const give = Date.now() + 240_000
  while (!(await look())) {
    if (Date.now() > give) throw new Error(`never: ${what}`)
    await sleep(250)
  }
}
