// `grapevine demo`: a small project's mailbox through the whole flow, by a bot and a worker in processes of their own.
import { Command } from 'commander'
import type { Config } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { Store } from '../ports/store.ts'
import type { Act } from './demo/acts.ts'
import type { Show } from './demo/show.ts'
import type { CliDeps } from './deps.ts'
import { exitCode } from './exit.ts'

const lookEveryMs = 250
/** A process that dies so often does not die by accident. */
const deathsAllowed = 5

type Stage = {
  deps: CliDeps
  configFile: string
  config: Config
  store: Store
  show: Show
  signal: AbortSignal
}

/** Everything of the act has come in and has been answered. */
const isOver = async (store: Store, act: 'first' | 'second'): Promise<{ over: boolean; left: string }> => {
  const { isQuiet, pending, sayPending } = await import('../wiring/pending.ts')
  const { mailsIn } = await import('./demo/result.ts')
  const counted = await store.dispositions()
  const mails = counted.reduce((sum, { count }) => sum + count, 0)
  const missing = mailsIn(act) - mails
  if (missing > 0) return { over: false, left: `${missing} mails to read` }
  const left = await pending(store)
  return { over: isQuiet(left), left: sayPending(left) }
}

const play = async (stage: Stage, first: Act): Promise<void> => {
  const { config, store, show, signal } = stage
  const { note, secondAct } = await import('./demo/acts.ts')
  const { patience, stuckAfterMs } = await import('./demo/patience.ts')
  const { standing, watcher } = await import('./demo/watch.ts')
  const look = watcher(store)
  let act = first
  const isStuck = patience(Date.now())
  while (act !== 'over') {
    const lines = await look()
    for (const line of lines) show.line(line)
    const { over, left } = await isOver(store, act)
    const { answered, all, running, putOff } = await standing(store)
    const waits = putOff > 0 ? '; this machine is busy, so tests wait for a while; it goes on by itself' : ''
    show.status(
      `${answered} of ${all} series answered; left: ${left}; in VMs: ${running.join(', ') || 'nothing'}${waits}`,
    )
    if (over && act === 'first') {
      show.line('upstream moves on, and more mail arrives')
      await secondAct(config)
      act = 'second'
    } else if (over) act = 'over'
    if (isStuck(Date.now(), { lines: lines.length, left: `${answered} ${left} ${running}` })) {
      throw new Fault(
        'timeout',
        'never',
        `nothing happened for ${stuckAfterMs / 60_000} minutes; left: ${left}`,
        {
          remedy:
            putOff > 0
              ? 'this machine was too busy with other things: run it again when it is not'
              : `what the bot and the worker said lies in ${config.data}/*.log`,
        },
      )
    }
    signal.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, lookEveryMs))
  }
  await note(config, 'over')
}

/** Bot and worker, started and kept; what they log goes to files, and what people may want to see to the screen. */
const startProcesses = async ({ deps, config, configFile, show }: Stage, giveUp: AbortController) => {
  const { appendFileSync } = await import('node:fs')
  const { join } = await import('node:path')
  const { supervise } = await import('./demo/processes.ts')
  return (['start', 'worker'] as const).map(name => {
    const file = join(config.data, `${name === 'start' ? 'bot' : 'worker'}.log`)
    return supervise({
      args: [name, '--config', configFile],
      env: deps.env,
      onLine(line) {
        appendFileSync(file, `${line}\n`)
        if (/template|warning:|error:|accelerator/.test(line))
          show.line(`${name === 'start' ? 'bot' : 'host'}: ${line.slice(9)}`)
      },
      onDeath(how, times) {
        show.line(`the ${name === 'start' ? 'bot' : 'worker'} died (${how}); it is started again`)
        if (times < deathsAllowed) return
        giveUp.abort(
          new Fault('exhausted', 'never', `"grapevine ${name}" died ${times} times`, {
            remedy: `see ${file}`,
          }),
        )
      },
    })
  })
}

const closing = async ({ deps, config, configFile, store }: Stage): Promise<void> => {
  const { otherMails, resultTable, surprises } = await import('./demo/result.ts')
  deps.stdout.write(`\n${await resultTable(store)}\n\n${await otherMails(store)}\n\n`)
  const out = config.mail.out.kind === 'maildir' ? `${config.mail.out.path}/new` : 'the mail server'
  deps.stdout.write(`The replies lie in ${out}\n`)
  deps.stdout.write(`Look closer: npx grapevine series list --config ${configFile}\n`)
  deps.stdout.write(`In a browser: npx grapevine web --config ${configFile}\n`)
  const odd = await surprises(store)
  if (odd.length === 0) return
  deps.stdout.write(`\nNot as it should be:\n${odd.map(line => `  ${line}\n`).join('')}`)
  deps.exitWith(exitCode.failed)
}

const playing = 'a mailbox of the list "tally-devel" is played'

const openings = {
  over: playing,
  'goes on': 'the last demo was cut off; it goes on',
  'was another': `the last demo was cut off, and had other mails: it begins anew; ${playing}`,
}

type Options = { again?: boolean; folder?: string }

const run = async (deps: CliDeps, { again = false, folder }: Options): Promise<void> => {
  const { demoConfigFile } = await import('./demo/config.ts')
  const { readConfig } = await import('../config/load.ts')
  const { openDemo } = await import('./demo/acts.ts')
  const { show: makeShow } = await import('./demo/show.ts')
  const { openStore } = await import('../adapters/sql/store.ts')
  const configFile = await demoConfigFile(folder)
  const { config } = await readConfig({ file: configFile, env: deps.env, repositories: 'later' })
  const show = makeShow(deps.stdout)
  const { act, last } = await openDemo(config, { again })
  show.line(openings[last])
  const store = await openStore({ folder: config.data })
  const giveUp = new AbortController()
  const signal = AbortSignal.any([deps.signal, giveUp.signal])
  const stage: Stage = { deps, configFile, config, store, show, signal }
  const processes = await startProcesses(stage, giveUp)
  try {
    await play(stage, act)
  } finally {
    show.end()
    await Promise.all(processes.map(one => one.stop()))
  }
  await closing(stage)
  await store.close()
}

export const demo = (deps: CliDeps): Command =>
  new Command('demo')
    .description(
      'Plays the mailbox of a small invented project through the whole flow on this machine: real mail, Redis, virtual machines and replies, which are delivered into a folder. Cut off in the middle, the next call goes on.',
    )
    .option('--again', 'begin anew, also after a demo that was cut off')
    .addHelpText('after', '\nExample:\n  $ npm run demo')
    .option('--folder <dir>', 'keep everything in this folder (default: .grapevine/demo)')
    .action((options: Options) => run(deps, options))
