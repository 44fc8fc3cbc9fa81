// What changed a moment ago: a page that was made before, and listens only now, has not missed it.
import type { Instant, Millis } from '../../model/instant.ts'
import type { LiveIn, Topic } from '../../ports/live.ts'

/** So long ago is remembered. */
export const memoryMs: Millis = 60_000
const maxTopics = 5_000

export type Changes = {
  /** Of these, since that moment; `lost` if nobody can tell. */
  since(topics: readonly Topic[], at: Instant): Topic[] | 'lost'
  /** Calls back with those of `topics` that changed. */
  on(topics: readonly Topic[], tell: (changed: Topic[] | 'lost') => void): { stop(): void }
}

/** Listens from now on. */
export const changesOf = (live: LiveIn, now: () => Instant): Changes => {
  const last = new Map<Topic, Instant>()
  let forgotten: Instant = 0
  const begun = now()
  const forgetOld = () => {
    for (const [topic, at] of last) {
      if (last.size <= maxTopics && at >= now() - memoryMs) break
      last.delete(topic)
      forgotten = Math.max(forgotten, at)
    }
  }
  live.listen(topics => {
    if (topics === 'lost') forgotten = now()
    else
      for (const topic of topics) {
        // The newest last.
        last.delete(topic)
        last.set(topic, now())
      }
    forgetOld()
  })
  return {
    since(topics, at) {
      if (at < Math.max(begun, now() - memoryMs) || at <= forgotten) return 'lost'
      return topics.filter(topic => (last.get(topic) ?? 0) >= at)
    },
    on(topics, tell) {
      const wanted = new Set(topics)
      return live.listen(changed => {
        if (changed === 'lost') return tell('lost')
        const ours = changed.filter(topic => wanted.has(topic))
        if (ours.length > 0) tell(ours)
      })
    },
  }
}
