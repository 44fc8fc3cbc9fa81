// Clones made ahead: forked, answered, and paused until somebody leases one. Kept for templates that are in use, while there is a slot for them.
import { Fault } from '../model/fault.ts'
import type { Millis } from '../model/instant.ts'
import { unlessAborted } from './deadline.ts'
import { exec, type Guest } from './exec.ts'

/** A paused clone that is nobody's yet. `own`: its folder; `createdAt`: of the template that it was made of. */
export type Ready = { guest: Guest; own: string; createdAt: string }

export type Pool = {
  /** One that is still alive, paused; one that is being made is waited for. undefined: fork one. Either way the template counts as used. Throws the signal's reason. */
  take(template: string, signal?: AbortSignal): Promise<Ready | undefined>
  /** Something changed: is there room to make some ahead? */
  fill(): void
  /** Ends those of one template, and makes no more until somebody asks for it again. */
  drop(template: string): Promise<void>
  /** Templates that ready clones are of. */
  templates(): string[]
  /** Ends all, and makes no more. */
  close(): Promise<void>
}

export type PoolOptions = {
  /** Of each template. 0: none, ever. */
  size: number
  /** A new clone, answering; the pool pauses it. */
  fork: (template: string, signal: AbortSignal) => Promise<Ready>
  /** Ends a clone and removes its folder. Never fails. */
  end: (ready: Ready) => Promise<void>
  /** Could anybody lease one now? While nobody can, the processors are better used by what runs. */
  isWanted: () => boolean
  log: (line: string) => void
}

/** A template that nobody leased for so long is not hot any more. */
const hotMs: Millis = 20 * 60_000
const expiryMs: Millis = 60_000
const warmUpMs: Millis = 30_000

export const openPool = ({ size, fork, end, isWanted, log }: PoolOptions): Pool => {
  const ready = new Map<string, Ready[]>()
  const usedAt = new Map<string, number>()
  const closing = new AbortController()
  let filling: Promise<void> | undefined
  let making: { template: string; done: Promise<void> } | undefined

  const lacking = (): string | undefined =>
    [...usedAt.keys()].find(template => (ready.get(template)?.length ?? 0) < size)

  const makeOne = async (template: string): Promise<void> => {
    try {
      const made = await fork(template, closing.signal)
      try {
        // An emulated guest is slow at everything that it does for the first time.
        const command = { name: 'warm up', script: ':', folder: '/', timeoutMs: warmUpMs }
        const { kind } = await exec(made.guest, command, { signal: closing.signal })
        if (kind !== 'finished') throw new Fault('timeout', 'soon', `its first command: ${kind}`)
        await made.guest.machine.qmp.command('stop')
      } catch (error) {
        await end(made)
        throw error
      }
      // It may have been dropped, or the pool closed, while it was forked.
      if (closing.signal.aborted || !usedAt.has(template)) return await end(made)
      ready.set(template, [...(ready.get(template) ?? []), made])
    } catch (error) {
      usedAt.delete(template)
      if (closing.signal.aborted) return
      const why = error instanceof Fault ? error.message : String(error)
      log(`no clone is kept ready of template ${template} until it is used again: ${why}`)
    }
  }

  const refill = async (): Promise<void> => {
    for (let next = lacking(); next && isWanted() && !closing.signal.aborted; next = lacking()) {
      making = { template: next, done: makeOne(next) }
      await making.done
    }
    making = undefined
    filling = undefined
  }
  const fill = (): void => {
    if (size > 0 && !closing.signal.aborted && isWanted()) filling ??= refill()
  }

  const drop = async (template: string): Promise<void> => {
    usedAt.delete(template)
    const gone = ready.get(template) ?? []
    ready.delete(template)
    await Promise.all(gone.map(end))
  }

  const expire = async (): Promise<void> => {
    const cold = [...usedAt].filter(([, at]) => performance.now() - at > hotMs)
    for (const [template] of cold) await drop(template)
  }
  const timer = setInterval(() => void expire(), expiryMs).unref()

  return {
    async take(template, signal) {
      if (size > 0) usedAt.set(template, performance.now())
      if (making?.template === template && !ready.get(template)?.length)
        await unlessAborted(making.done, signal)
      const mine = ready.get(template) ?? []
      for (let one = mine.shift(); one; one = mine.shift()) {
        if (one.guest.machine.fate.value === undefined) return one
        void end(one)
      }
      return undefined
    },
    fill,
    drop,
    templates: () => [...ready].filter(([, some]) => some.length > 0).map(([template]) => template),
    async close() {
      clearInterval(timer)
      closing.abort(new Fault('refused', 'never', 'the farm is closed'))
      await filling
      for (const template of [...ready.keys()]) await drop(template)
    },
  }
}
