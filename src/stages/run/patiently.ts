// Saving an outcome while the database is away: it is tried again for a while, as much work may be in it.
import { Fault } from '../../model/fault.ts'
import type { RunPorts } from './try.ts'

/** An outcome may be worth an hour: it is saved when the database is back. A worker that ends waits only for a moment. */
const patience = { allMs: 600_000, endingMs: 10_000, againMs: 2_000 }

/** Repeats what may be repeated until the store answers, or patience ends: then it throws the store's Fault. */
export const patiently = async <T>(
  { clock, log }: Pick<RunPorts, 'clock' | 'log'>,
  signal: AbortSignal,
  act: () => Promise<T>,
): Promise<T> => {
  const since = clock.now()
  for (let told = false; ; told = true) {
    try {
      return await act()
    } catch (error) {
      const allMs = signal.aborted ? patience.endingMs : patience.allMs
      if (!(error instanceof Fault) || error.retry === 'never' || clock.now() - since >= allMs) throw error
      if (!told) log('warn', `an outcome cannot be saved yet: ${error.message}`)
      await clock.sleep(patience.againMs)
    }
  }
}
