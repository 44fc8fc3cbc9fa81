// Time as the whole product counts it.

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number

/** A span in milliseconds. */
export type Millis = number

export const dayMs: Millis = 86_400_000

/** The newest moment that something which comes once a day was due, and the day that it is called by. `minute`: of the day, UTC. */
export const lastDue = (now: Instant, minute: number): { at: Instant; day: string } => {
  const today = Math.floor(now / dayMs) * dayMs + minute * 60_000
  const at = today <= now ? today : today - dayMs
  return { at, day: new Date(at).toISOString().slice(0, 10) }
}
