// The last 90 days of one thing, day by day (UTC): the worst that happened on each.
import type { Severity } from '../model/incident.ts'
import { dayMs, type Instant } from '../model/instant.ts'

/** From best to worst. */
export type Mark = 'quiet' | 'maintenance' | Severity

export type Day = { at: Instant; mark: Mark; what: string[] }

export const shownDays = 90

const rank: Record<Mark, number> = { quiet: 0, maintenance: 1, minor: 2, major: 3 }

type Span = { from: Instant; to: Instant; mark: Mark; what: string }

type Past = {
  incidents: { since: Instant; until: Instant | undefined; severity: Severity; title: string }[]
  windows: { at: 'planned' | 'running' | 'done'; from: Instant; to: Instant; reason: string }[]
  now: Instant
}

/** The oldest first; today is the last. */
export const daysOf = ({ incidents, windows, now }: Past): Day[] => {
  const spans: Span[] = [
    ...incidents.map(({ since, until, severity, title }) => ({
      ...{ from: since, to: until ?? now, mark: severity, what: title },
    })),
    ...windows
      .filter(({ at }) => at !== 'planned')
      .map(({ at, from, to, reason }) => ({
        ...{
          from,
          to: at === 'running' ? now : to,
          mark: 'maintenance' as const,
          what: `maintenance: ${reason}`,
        },
      })),
  ]
  const today = Math.floor(now / dayMs) * dayMs
  return Array.from({ length: shownDays }, (_, index) => {
    const at = today - (shownDays - 1 - index) * dayMs
    const mine = spans.filter(({ from, to }) => from < at + dayMs && to >= at)
    const mark = mine.reduce<Mark>((worst, one) => (rank[one.mark] > rank[worst] ? one.mark : worst), 'quiet')
    return { at, mark, what: [...new Set(mine.map(({ what }) => what))] }
  })
}
