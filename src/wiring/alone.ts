// One bot for one database: two would send mails and write to bugs beside each other. The lock on the data folder sees those of this machine.
import { type Sole, type Taken, takeSole } from '../adapters/sql/sole.ts'
import type { Config } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import { patiently } from './wire-patiently.ts'

/** How long a new bot waits for the one before it to end. */
const patienceMs: Millis = 20_000
const lookEveryMs: Millis = 500

export type Alone = {
  /** Aborted with a Fault when another bot has taken the database over, as the connection was lost. */
  lost: AbortSignal
  release(): Promise<void>
}

type Ports = { config: Pick<Config, 'databaseUrl' | 'host'>; clock: Clock; log: Log; signal: AbortSignal }

const faultOf = ({ name, since }: Taken): Fault => {
  const when = since === undefined ? '' : `, since ${since.toISOString().slice(0, 16).replace('T', ' ')} UTC`
  return new Fault(
    'refused',
    'later',
    `this database has a bot already: ${name ?? 'another process'}${when}`,
    {
      remedy: 'end that one first, or give this one a database of its own (DATABASE_URL)',
    },
  )
}

const isHeld = (one: Sole | Taken): one is Sole => 'gone' in one

/** Waits for whoever has it, so long. Throws a Fault that says who it is. undefined: the signal came first. */
const take = async (
  { clock, log, signal }: Ports,
  { url, name, isOurOwn }: { url: string; name: string; isOurOwn: boolean },
): Promise<Sole | undefined> => {
  const until = clock.now() + patienceMs
  for (let isTold = false; !signal.aborted; isTold = true) {
    const one = await patiently({ who: 'the bot', log, signal, clock }, () => takeSole(url, name))
    if (one === undefined || isHeld(one)) return one
    // The server may not know yet that our own connection is gone.
    const mayEnd = isOurOwn ? one.name === name : clock.now() < until
    if (!mayEnd) throw faultOf(one)
    if (!isTold) log('info', `${faultOf(one).message}; waiting for it to end`)
    await clock.sleep(lookEveryMs, signal).catch(() => {})
  }
  return undefined
}

/** `grapevine bot on HOST, process 12`, which PostgreSQL shows. Longer names of hosts are cut. */
export const botName = (host: string, pid = process.pid): string =>
  `grapevine bot on ${host.slice(0, 30)}, process ${pid}`

/**
 * Makes sure that no other bot works with the database, and goes on doing so. SQLite lies in the data folder, whose lock says the same.
 * undefined: the signal came first. Throws Fault refused if another one has it and does not end within 20 s.
 */
export const aloneInDatabase = async (ports: Ports): Promise<Alone | undefined> => {
  const { config, log } = ports
  const url = config.databaseUrl?.reveal()
  const over = new AbortController()
  if (url === undefined) return { lost: over.signal, release: async () => {} }
  const name = botName(config.host)
  const first = await take(ports, { url, name, isOurOwn: false })
  if (first === undefined) return undefined
  const ended = new AbortController()
  const signal = AbortSignal.any([ports.signal, ended.signal])
  let held: Sole | undefined = first
  const keep = async () => {
    while (held && !ended.signal.aborted) {
      await held.gone
      held = undefined
      if (!signal.aborted) held = await take({ ...ports, signal }, { url, name, isOurOwn: true })
    }
  }
  const kept = keep().catch(error => {
    log('error', `the bot ends: ${error instanceof Error ? error.message : String(error)}`)
    over.abort(error)
  })
  return {
    lost: over.signal,
    async release() {
      ended.abort()
      await held?.release()
      await kept
      await held?.release()
    },
  }
}
