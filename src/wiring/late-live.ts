// What moves, for pages that are there before Redis is known: who listens meanwhile hears from the moment on when it is.
import type { LiveIn } from '../ports/live.ts'

type Waiting = { begin(live: LiveIn): void }

/** `attach` once; what was asked for before is asked for then, and `lost` is said. */
export const lateLive = (): LiveIn & { attach(live: LiveIn): void } => {
  let there: LiveIn | undefined
  let isClosed = false
  const waiting = new Set<Waiting>()
  const later = (begin: (live: LiveIn) => { stop(): void }): { stop(): void } => {
    if (there) return begin(there)
    let begun: { stop(): void } | undefined
    const one: Waiting = {
      begin: live => {
        begun = begin(live)
      },
    }
    waiting.add(one)
    return {
      stop() {
        waiting.delete(one)
        begun?.stop()
      },
    }
  }
  return {
    attach(live) {
      if (isClosed) return void live.close()
      there = live
      for (const one of waiting) one.begin(live)
      waiting.clear()
    },
    follow: (run, from, onPiece) => later(live => live.follow(run, from, onPiece)),
    listen: onChange =>
      later(live => {
        const listening = live.listen(onChange)
        onChange('lost')
        return listening
      }),
    async close() {
      isClosed = true
      waiting.clear()
      await there?.close()
    },
  }
}
