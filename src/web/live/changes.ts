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
  on(topics: readonly Topic[], onChange: (changed: Topic[] | 'lost') => void): { stop(): void }
}

type Tell = (changed: Topic[] | 'lost') => void

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
  const remember = (topics: Topic[] | 'lost') => {
    if (topics === 'lost') forgotten = now()
    else
      for (const topic of topics) {
        // The newest last.
        last.delete(topic)
        last.set(topic, now())
      }
    forgetOld()
  }
  const listeners = new Map<Topic, Set<Tell>>()
  const tell = (topics: Topic[] | 'lost') => {
    const told = new Map<Tell, Topic[]>()
    for (const topic of topics === 'lost' ? listeners.keys() : topics)
      for (const one of listeners.get(topic) ?? []) told.set(one, [...(told.get(one) ?? []), topic])
    for (const [one, ours] of told) one(topics === 'lost' ? 'lost' : ours)
  }
  // Once, however many wait: a change costs those whom it concerns.
  live.listen(topics => {
    remember(topics)
    tell(topics)
  })
  return {
    since(topics, at) {
      if (at < Math.max(begun, now() - memoryMs) || at <= forgotten) return 'lost'
      return topics.filter(topic => (last.get(topic) ?? 0) >= at)
    },
    on(topics, onChange) {
      // Two listeners may be the same function; they are not the same listener.
      const mine: Tell = changed => onChange(changed)
      for (const topic of topics) {
        const here = listeners.get(topic) ?? new Set()
        listeners.set(topic, here.add(mine))
      }
      return {
        stop() {
          for (const topic of topics) {
            const here = listeners.get(topic)
            here?.delete(mine)
            if (here?.size === 0) listeners.delete(topic)
          }
        },
      }
    },
  }
}
