// What every page is made from, and what is known of who asks.
import type { Context, Hono } from 'hono'
import type { Config } from '../config/config.ts'
import type { Viewer } from '../model/access.ts'
import type { Clock } from '../ports/clock.ts'
import type { LiveIn } from '../ports/live.ts'
import type { Log } from '../ports/log.ts'
import type { Wired } from '../wiring/wire.ts'
import type { Outlet } from './live/outlet.ts'
import type { Looking } from './look.ts'
import type { StatusView } from './view.ts'

export type WebParts = {
  config: Config
  /** Database, blobs, queue and the rest; opened when it is asked for first, and again until it succeeds. Throws Faults while they are away:
   *  the app shows them as 503. */
  wired(): Promise<Wired>
  /** What moves. */
  live: LiveIn
  looking: Looking
  /** How things stand, for the line atop every page. */
  status(): Promise<StatusView>
  clock: Clock
  log: Log
  /** Who the pages are of. */
  name: string
}

export type Env = {
  Variables: {
    /** Who is logged in; undefined: a reader. */
    viewer: Viewer | undefined
    /** For forms: <input type="hidden" name="csrf">. '' for readers. */
    csrf: string
    /** A stream that the answer will be. */
    outlet: Outlet | undefined
  }
}

export type Pages = Hono<Env>
export type Asked = Context<Env>
