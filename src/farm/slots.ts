// How many clones this process may have at once. Whoever comes when all are taken waits, in order.
export type Slots = { take(signal?: AbortSignal): Promise<void>; give(): void; isFree(): boolean }

export const openSlots = (count: number): Slots => {
  let free = count
  const waiting: (() => void)[] = []

  const take = (signal?: AbortSignal): Promise<void> => {
    signal?.throwIfAborted()
    if (free > 0) {
      free--
      return Promise.resolve()
    }
    return new Promise((resolve, reject) => {
      const turn = () => {
        signal?.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        waiting.splice(waiting.indexOf(turn), 1)
        reject(signal?.reason)
      }
      waiting.push(turn)
      signal?.addEventListener('abort', leave, { once: true })
    })
  }

  const give = () => {
    const next = waiting.shift()
    if (next) next()
    else free++
  }
  return { take, give, isFree: () => free > 0 }
}
