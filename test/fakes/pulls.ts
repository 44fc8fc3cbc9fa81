// A flow whose patches came as a pull request: each version that is posted is a new head of it.
import type { Pull } from '../../src/model/forge.ts'
import type { Series } from '../../src/model/series.ts'
import { forgeShownMemory, tendForgeShown } from '../../src/wiring/forge-show.ts'
import type { Behaviour } from './farm.ts'
import { openFlow, project } from './flow.ts'
import { fakeBranches, fakeForge, pullOf } from './forge.ts'

export const github = { pulls: 'tally/tally', series: undefined, comment: 'words' as const }

export const headOf = (version: number): string => `${version}`.repeat(40).slice(0, 40)

/** `own`: with other settings of the project. `isPull`: false: series stay the list's. */
export const openPulls = async (
  behave: Behaviour,
  {
    own = { ...project, github },
    isPull = true,
    url,
  }: { own?: typeof project; isPull?: boolean; url?: string } = {},
) => {
  const flow = await openFlow(behave, undefined, own)
  const [forge, elsewhere] = [fakeForge(), fakeBranches()]
  Object.assign(flow.wired, { forge, branches: elsewhere.branches })
  flow.wired.config = { ...flow.wired.config, web: { ...flow.wired.config.web, url } }
  const { store } = flow.wired
  const pull = (more: Partial<Pull>) => store.savePull(pullOf(more))
  const save = store.saveSeries.bind(store)
  /** As the forge's way in does it, once the mails are read. */
  const asPull = async (series: Series): Promise<Series> => {
    if (series.state.at === 'superseded') return { ...series, origin: originOf(series) }
    await pull({ head: headOf(series.version), version: series.version, series: series.id })
    return { ...series, origin: originOf(series) }
  }
  if (isPull)
    store.saveSeries = async (series, dispositions) =>
      save(await Promise.all(series.map(asPull)), dispositions)
  let memory = forgeShownMemory()
  const show = () => tendForgeShown(flow.wired, memory)
  /** The bot comes back. */
  const restart = () => {
    memory = forgeShownMemory()
  }
  return { flow, forge, elsewhere, store, save, pull, show, restart }
}

const originOf = ({ version }: Series): Series['origin'] => {
  const { repository, number, url } = pullOf()
  return { from: 'forge', pull: { repository, number, head: headOf(version), url, login: 'Ann' } }
}
