// Notes with each step of a run how busy its host was: what had no chance to end in time is not held against anybody.
import { between, type LoadMeter, type StepLoad } from '../../model/overload.ts'
import type { Journal } from './journal.ts'

/** A step can be run many times, as in a walk over patches; of more nobody reads. */
const maxNoted = 50

/** The journal, and the list that it fills. Without a meter the list stays empty. */
export const withLoad = (
  journal: Journal,
  meter: LoadMeter | undefined,
): { journal: Journal; loads: StepLoad[] } => {
  const loads: StepLoad[] = []
  if (meter === undefined) return { journal, loads }
  const exec: Journal['exec'] = async (clone, command, signal) => {
    const before = await meter()
    const said = await journal.exec(clone, command, signal)
    const after = await meter()
    if (before && after && loads.length < maxNoted) loads.push(between(command.name, before, after))
    return said
  }
  return { journal: { ...journal, exec }, loads }
}
