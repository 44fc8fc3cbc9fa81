// What operators read while it runs.

export type Level = 'info' | 'warn' | 'error'

/** One event: a sentence for people, and the ids that it is about. Never throws. */
export type Log = (level: Level, what: string, fields?: Record<string, string | number | undefined>) => void
