// Asking as ourselves: where this Bugzilla reads the key is tried out first, and again from time to time, as reads without a key succeed, too.
import { z } from 'zod'
import type { BugzillaConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import type { Clock } from '../../ports/clock.ts'
import { isAnonymous, Refusal } from './fault.ts'
import { type Answered, type Asked, type Http, type KeyWay, openHttp } from './http.ts'
import type { Rate } from './limit.ts'

export type Session = {
  config: BugzillaConfig
  clock: Clock
  /** As ourselves, for sure. */
  ask<T>(asked: Asked<T>): Promise<Answered<T>>
  /** Proves the key now, and says where it is read. */
  prove(): Promise<KeyWay>
  /** Was it proven a moment ago? Then this round has cost enough. */
  isFresh(): boolean
  version(): Promise<string>
  close(): Promise<void>
}

/** A server that is replaced by another version stays unnoticed so long at most. */
const provenForMs: Millis = 3_600_000
const freshMs: Millis = 30_000

const validLogin = z.object({ result: z.coerce.boolean() })
const versionAnswer = z.object({ version: z.string() })

/** Is the key read there, and ours? Without login some sites refuse the question: that is a no. */
const isSeen = async (http: Http, { login }: BugzillaConfig, way: KeyWay): Promise<boolean> => {
  try {
    const asked = { method: 'GET', path: 'valid_login', query: { login }, answer: validLogin } as const
    return (await http.ask(asked, way)).value.result
  } catch (error) {
    if (isAnonymous(error)) return false
    throw error
  }
}

const findWay = async (http: Http, config: BugzillaConfig): Promise<KeyWay> => {
  if (await isSeen(http, config, 'header')) return 'header'
  if (await isSeen(http, config, 'query')) return 'query'
  throw new Refusal(
    0,
    'later',
    `${config.name}: the key is not that of ${config.login}`,
    `trackers.${config.name}.login must be the login whose key it is.`,
  )
}

export const openSession = (config: BugzillaConfig, options: { clock: Clock; rate: Rate }): Session => {
  const { clock } = options
  const http = openHttp(config, options)
  let proven: { way: Promise<KeyWay>; at: Instant } | undefined
  let version: Promise<string> | undefined
  const prove = (): Promise<KeyWay> => {
    const way = findWay(http, config)
    const mine = { way, at: clock.now() }
    proven = mine
    way.catch(() => {
      if (proven === mine) proven = undefined
    })
    return way
  }
  const wayNow = (): Promise<KeyWay> =>
    proven !== undefined && clock.now() - proven.at < provenForMs ? proven.way : prove()
  return {
    config,
    clock,
    prove,
    isFresh: () => proven !== undefined && clock.now() - proven.at < freshMs,
    async ask(asked) {
      const way = await wayNow()
      try {
        return await http.ask(asked, way)
      } catch (error) {
        // It was read there before: the server is another one now. Nothing was done.
        if (!isAnonymous(error)) throw error
        return http.ask(asked, await prove())
      }
    },
    version() {
      version ??= http
        .ask({ method: 'GET', path: 'version', answer: versionAnswer }, undefined)
        .then(({ value }) => value.version)
      return version.catch((error: Fault) => {
        version = undefined
        throw error
      })
    },
    close: http.close,
  }
}
