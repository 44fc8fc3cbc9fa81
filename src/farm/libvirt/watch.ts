// Watches a running domain: events wake it up, its state decides. Also when no event comes, and when libvirt itself goes away.
import { Fault } from '../../model/fault.ts'
import type { Ending } from '../../model/run.ts'
import { type Bell, bell } from '../deadline.ts'
import type { LibvirtDeadlines } from './deadlines.ts'
import type { Domain } from './domain.ts'
import { fateOf, isTelling } from './fate.ts'

export type Watch = {
  /** Rung once, when the guest is gone for whatever reason. */
  readonly fate: Bell<Ending>
  /** Lines of `virsh event`. */
  readonly events: string[]
  /** From now on the guest should be running. */
  begin(): void
  stop(): void
}

const keptEvents = 10_000
const reconnectMs = 2_000

type WatchOptions = {
  domain: Domain
  deadlines: LibvirtDeadlines
  console: () => Promise<Buffer>
}

export const watchDomain = ({ domain, deadlines, console }: WatchOptions): Watch => {
  const fate = bell<Ending>()
  const events: string[] = []
  let begun = false
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let looking = false
  let again = false
  let lostSince: number | undefined
  let following: { stop(): void } | undefined

  const lookOnce = async () => {
    try {
      const state = await domain.state()
      lostSince = undefined
      const broken = state.state === 'paused' && state.reason === 'I/O error'
      const diskErrors = broken ? await domain.diskErrors() : ''
      const seen = { ...state, events, diskErrors, console: (await console()).toString('latin1') }
      const ending = fateOf(seen)
      if (ending && !stopped) fate.ring(ending)
    } catch (error) {
      lost(error)
    }
  }

  const lost = (error: unknown) => {
    // libvirt that refuses or is slow is still there.
    if (!(error instanceof Fault) || error.kind !== 'unreachable') return
    lostSince ??= performance.now()
    const span = performance.now() - lostSince
    if (span < deadlines.lostMs || stopped) return
    fate.ring({ kind: 'host-lost', detail: error.message })
  }

  const look = async (): Promise<void> => {
    if (!begun || stopped || fate.value) return
    again = true
    if (looking) return
    looking = true
    clearTimeout(timer)
    while (again && !stopped && !fate.value) {
      again = false
      await lookOnce()
    }
    looking = false
    if (!stopped && !fate.value) timer = setTimeout(look, deadlines.lookMs)
  }

  const follow = () => {
    if (stopped) return
    const onLine = (line: string) => {
      if (!line || stopped) return
      if (events.length < keptEvents) events.push(line)
      if (isTelling(line)) void look()
    }
    following = domain.follow(onLine, () => {
      // The connection went away, or libvirt: the state says which.
      void look()
      if (!stopped) setTimeout(follow, reconnectMs).unref()
    })
  }
  follow()

  return {
    fate,
    events,
    begin: () => {
      begun = true
      void look()
    },
    stop: () => {
      stopped = true
      clearTimeout(timer)
      following?.stop()
    },
  }
}
