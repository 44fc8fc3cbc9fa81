// Callers that want the same thing at the same time share the work; it is given up when the last of them went away.
import type { Progress } from '../ports/farm.ts'

type Work<T> = { result: Promise<T>; callers: Set<Progress>; stop: AbortController }

export const shareWork = <T>() => {
  const running = new Map<string, Work<T>>()

  const begin = (key: string, act: (progress: Progress, signal: AbortSignal) => Promise<T>): Work<T> => {
    const callers = new Set<Progress>()
    const stop = new AbortController()
    const tellAll: Progress = (...said) => {
      for (const caller of callers) caller(...said)
    }
    const work = { result: act(tellAll, stop.signal), callers, stop }
    const forget = () => running.get(key) === work && running.delete(key)
    work.result.then(forget, forget)
    running.set(key, work)
    return work
  }

  return async (
    key: string,
    caller: { progress: Progress; signal: AbortSignal | undefined },
    act: (progress: Progress, signal: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    const { signal } = caller
    signal?.throwIfAborted()
    const work = running.get(key) ?? begin(key, act)
    const mine: Progress = (...said) => caller.progress(...said)
    work.callers.add(mine)
    const left = Promise.withResolvers<never>()
    const leave = () => {
      left.reject(signal?.reason)
      work.callers.delete(mine)
      if (work.callers.size > 0) return
      running.delete(key)
      work.stop.abort(signal?.reason)
    }
    signal?.addEventListener('abort', leave, { once: true })
    try {
      return await Promise.race([work.result, left.promise])
    } finally {
      signal?.removeEventListener('abort', leave)
      work.callers.delete(mine)
    }
  }
}
