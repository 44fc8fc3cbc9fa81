// What took how long, for those who watch with tracing tools. Never the truth, and nothing waits for it.
import type { Instant } from '../model/instant.ts'
import type { SeriesId } from '../model/series.ts'

/** mail: from its arrival to its series · series: the whole, from the first part to a verdict · the others: as the stages. */
export type SpanName = 'mail' | 'series' | 'plan' | 'run' | 'judge' | 'reply'

export type Span = {
  series: SeriesId
  name: SpanName
  from: Instant
  to: Instant
  attributes: Record<string, string | number>
  /** Why it did not come to a good end; undefined: it did. */
  error?: string
}

export type Traces = {
  /** All spans of a series are of one trace, whoever makes them. Never throws, never waits. */
  span(span: Span): void
  /** Sends what is left; gives up after some seconds. Never throws. */
  close(): Promise<void>
}
