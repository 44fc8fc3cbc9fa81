// All streams of a process: how many there may be, and their heartbeat.
import type { Millis } from '../../model/instant.ts'
import { Outlet } from './outlet.ts'

const beatMs: Millis = 20_000
/** Whoever stays longer comes back by itself, and says where it was. */
const maxBeats = (60 * 60_000) / beatMs
/** Whoever has not taken its last words by then takes nothing, and keeps no place. */
const patientBeats = 3

export const streamLimits = { all: 3_000, network: 60 } as const

export type Hub = {
  /** undefined: there are too many already. `onClose` is called once, whoever ends it. */
  open(asker: { network: string; isUs: boolean }, onClose: () => void): Outlet | undefined
}

export const newHub = (): Hub => {
  const open = new Map<Outlet, number>()
  const byNetwork = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined
  const beatAll = () => {
    for (const [outlet, beats] of [...open]) {
      open.set(outlet, beats + 1)
      if (beats >= maxBeats + patientBeats) outlet.drop()
      else if (beats >= maxBeats) outlet.end()
      else outlet.beat()
    }
  }
  const count = (network: string, by: number) => {
    const now = (byNetwork.get(network) ?? 0) + by
    if (now > 0) byNetwork.set(network, now)
    else byNetwork.delete(network)
  }
  return {
    open({ network, isUs }, onClose) {
      const isFull = open.size >= streamLimits.all
      if (isFull || (!isUs && (byNetwork.get(network) ?? 0) >= streamLimits.network)) return undefined
      const outlet = new Outlet(() => {
        open.delete(outlet)
        count(network, -1)
        if (open.size === 0) clearInterval(timer)
        if (open.size === 0) timer = undefined
        onClose()
      })
      open.set(outlet, 0)
      count(network, 1)
      timer ??= setInterval(beatAll, beatMs).unref()
      return outlet
    },
  }
}
