// Time as the whole product counts it.

/** Milliseconds since 1970-01-01T00:00:00Z. */
export type Instant = number

/** A span in milliseconds. */
export type Millis = number
