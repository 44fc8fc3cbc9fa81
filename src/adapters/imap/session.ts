// The one connection that a source has: opened when it is needed, kept while somebody watches, made anew after it broke. Reading
// and idling share it, so that a mail that is announced is fetched without a login before it.
import type { ImapFlow } from 'imapflow'
import type { ImapSourceConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Instant, Millis } from '../../model/instant.ts'
import { answerWithin, connect, disconnect } from './connect.ts'
import { imapFault } from './fault.ts'

export type Timing = {
  /** Until the server has greeted. */
  connectMs: Millis
  /** A server that was asked something small must answer within it. */
  answerMs: Millis
  /** How long an idling connection may say nothing before it is asked whether it is still there. */
  pulseMs: Millis
  /** A connection is not used for longer: some servers go silent for ever, and tokens end. */
  renewMs: Millis
  /** Between looks where the server cannot idle. */
  pollMs: Millis
  /** First wait after a connection failed; doubled each time up to a minute. After a refused login: 60 times as long, up to 15 minutes. */
  retryMs: Millis
}

export const usualTiming: Timing = {
  connectMs: 30_000,
  answerMs: 20_000,
  pulseMs: 120_000,
  renewMs: 420_000,
  pollMs: 10_000,
  retryMs: 1000,
}

const minute = 60_000

export class Session {
  readonly config: ImapSourceConfig
  readonly timing: Timing
  /** How often the connection broke while these UIDs were read. */
  readonly losses = new Map<number, number>()
  /** When mails that could not be read were last tried again. */
  owedAt: Instant = Number.NEGATIVE_INFINITY
  #client: ImapFlow | undefined
  #since: Instant = 0
  #connecting: Promise<ImapFlow> | undefined
  #last: Promise<void> = Promise.resolve()
  readonly #watchers = new Set<() => void>()
  #announced = false
  #failures = 0
  #restUntil: Instant = 0
  #fault: Fault | undefined
  #stop = new AbortController()
  #refused: string | undefined

  constructor(config: ImapSourceConfig, timing: Timing) {
    this.config = config
    this.timing = timing
  }

  /** Waits until nobody else reads; gives how to let the next one. */
  async turn(): Promise<() => void> {
    const before = this.#last
    const mine = Promise.withResolvers<void>()
    this.#last = before.then(() => mine.promise)
    await before
    return mine.resolve
  }

  /** Resolves when nobody reads. */
  async free(): Promise<void> {
    for (let last: Promise<void> | undefined; last !== this.#last; ) {
      last = this.#last
      await last
    }
  }

  /** The connection stays open until the returned function is called; `onNews` is called when the mailbox grows. */
  keep(onNews: () => void): () => void {
    this.#watchers.add(onNews)
    return () => {
      this.#watchers.delete(onNews)
      // Whoever reads now may read to the end.
      void this.turn().then(async done => {
        await this.settle()
        done()
      })
    }
  }

  /** A connection that knows all that is in the mailbox now. */
  async fresh(): Promise<ImapFlow> {
    const warm = this.#client
    if (warm?.usable && !this.isOld()) {
      // The server sees what has come when it is asked anything; an announcement has said so already.
      if (!this.#announced) await this.ask(warm).catch(() => this.drop())
      this.#announced = false
      if (warm.usable && warm === this.#client) return warm
    }
    this.drop()
    return this.connected()
  }

  /** As it is, or made now. Soon after a failure: the same Fault again, without asking the server. */
  async connected(): Promise<ImapFlow> {
    if (this.#client?.usable) return this.#client
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined
    })
    return this.#connecting
  }

  async ask(client: ImapFlow): Promise<void> {
    await answerWithin(this.timing.answerMs, { client, config: this.config, ask: () => client.noop() })
  }

  isOld(): boolean {
    return Date.now() - this.#since >= this.timing.renewMs
  }

  /** How long nobody should try to connect. */
  restMs(): Millis {
    return Math.max(0, this.#restUntil - Date.now())
  }

  /** Hangs up; also on a server that has not greeted yet. */
  drop(): void {
    this.#stop.abort()
    this.#stop = new AbortController()
    this.#client?.close()
    this.#client = undefined
  }

  /** Reading is over: without watchers, so is the connection. */
  async settle(): Promise<void> {
    const client = this.#client
    if (client === undefined || this.#watchers.size > 0) return
    this.#client = undefined
    await disconnect(client)
  }

  async #connect(): Promise<ImapFlow> {
    if (this.#fault !== undefined && this.#isResting()) throw this.#fault
    try {
      const client = await connect(this.config, {
        connectMs: this.timing.connectMs,
        signal: this.#stop.signal,
      })
      this.#client = client
      this.#since = Date.now()
      this.#announced = false
      this.#fault = undefined
      client.on('exists', ({ count, prevCount }) => {
        if (count > prevCount) this.#tell()
      })
      client.on('close', () => this.#lost(client))
      return client
    } catch (error) {
      throw this.#failed(imapFault(error, this.config))
    }
  }

  #tell(): void {
    this.#announced = true
    for (const onNews of this.#watchers) onNews()
  }

  /** One that broke as soon as it was made is a failure like any other. */
  #lost(client: ImapFlow): void {
    if (this.#client !== client) return
    this.#client = undefined
    this.#failures = Date.now() - this.#since > minute ? 0 : this.#failures + 1
    this.#rest(this.timing.retryMs, minute)
  }

  #failed(fault: Fault): Fault {
    this.#fault = fault
    this.#failures += 1
    const isRefused = fault.kind === 'refused'
    this.#refused = isRefused ? this.#secret() : undefined
    if (isRefused) this.#rest(60 * this.timing.retryMs, 15 * minute)
    else this.#rest(this.timing.retryMs, minute)
    return fault
  }

  /** With some chance in it, so that many sources do not come back in the same moment. */
  #rest(firstMs: Millis, mostMs: Millis): void {
    const ms = Math.min(mostMs, firstMs * 2 ** Math.min(20, this.#failures - 1))
    this.#restUntil = Date.now() + ms * (0.5 + Math.random() / 2)
  }

  #secret(): string {
    const { login } = this.config
    return 'token' in login ? login.token.reveal() : login.password.reveal()
  }

  /** A password or token other than the refused one is tried at once. */
  #isResting(): boolean {
    return this.restMs() > 0 && (this.#refused === undefined || this.#refused === this.#secret())
  }
}
