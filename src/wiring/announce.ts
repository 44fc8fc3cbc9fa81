// The store as it is, and a word to the pages whenever something changed in it. What is told is never waited for, and may be lost.
import type { Host } from '../model/host.ts'
import type { JobId, Task, TaskId } from '../model/job.ts'
import type { LiveOut, Topic } from '../ports/live.ts'
import type { Store } from '../ports/store.ts'

type Changed = LiveOut['changed']

const ofSeries = (id: string | undefined): Topic[] => (id === undefined ? [] : [`series:${id}`])

/** Of so many tasks it is remembered whose they are. */
const maxKnown = 5_000

/** Which job and series a task belongs to: that never changes. */
const ownersOf = (store: Store) => {
  const known = new Map<TaskId, Topic[]>()
  const ofJob = async (id: JobId): Promise<Topic[]> => [
    `job:${id}`,
    ...ofSeries((await store.job(id))?.series),
  ]
  return async (id: TaskId): Promise<Topic[]> => {
    const found = known.get(id)
    if (found) return found
    const task = await store.task(id)
    const topics = task ? await ofJob(task.job) : []
    if (known.size >= maxKnown) known.clear()
    if (task) known.set(id, topics)
    return topics
  }
}

/** A sign of life alone changes no page. */
const newsOf = () => {
  const last = new Map<string, string>()
  return (host: Host): boolean => {
    const { seenAt: _, ...rest } = host
    const said = JSON.stringify(rest)
    const isNew = last.get(host.name) !== said
    last.set(host.name, said)
    return isNew
  }
}

const flowWords = (store: Store, changed: Changed): Partial<Store> => {
  const ownersOfTask = ownersOf(store)
  /** Looked up beside the flow; what cannot be found is not told. */
  const tellOf = (task: TaskId, ...more: Topic[]) =>
    void ownersOfTask(task).then(
      topics => changed(...topics, ...more),
      () => changed(...more),
    )
  const tellOfTasks = (tasks: Task[]) => changed(...tasks.map(({ job }): Topic => `job:${job}`), 'queue')
  return {
    async saveSeries(series, dispositions) {
      await store.saveSeries(series, dispositions)
      if (series.length > 0) changed(...series.flatMap(({ id }) => ofSeries(id)), 'queue')
    },
    async releaseSeries(id) {
      const isReleased = await store.releaseSeries(id)
      if (isReleased) changed(...ofSeries(id))
      return isReleased
    },
    async addJob(job, tasks) {
      await store.addJob(job, tasks)
      changed(...ofSeries(job.series), `job:${job.id}`, 'queue')
    },
    async addTasks(tasks) {
      await store.addTasks(tasks)
      if (tasks.length > 0) tellOfTasks(tasks)
      for (const { id } of tasks.slice(0, 1)) tellOf(id)
    },
    async moveTask(id, from, to) {
      const isMoved = await store.moveTask(id, from, to)
      const runs: Topic[] = [from, to].flatMap((state): Topic[] =>
        state.at === 'running' ? [`run:${state.run}`, 'farm'] : [],
      )
      if (isMoved) tellOf(id, 'queue', ...runs)
      return isMoved
    },
    async saveRun(run) {
      await store.saveRun(run)
      tellOf(run.task, `run:${run.id}`)
    },
    async addVerdict(verdict, reply, line) {
      const isAdded = await store.addVerdict(verdict, reply, line)
      if (isAdded) changed(...ofSeries(verdict.series), 'verdicts')
      return isAdded
    },
  }
}

const farmWords = (store: Store, changed: Changed): Partial<Store> => {
  const isNews = newsOf()
  return {
    async saveHost(host) {
      await store.saveHost(host)
      if (isNews(host)) changed('farm')
    },
    async forgetHost(name) {
      const isGone = await store.forgetHost(name)
      if (isGone) changed('farm')
      return isGone
    },
    async setHold(hold) {
      await store.setHold(hold)
      changed('farm', 'queue')
    },
    async endHold(on) {
      const isEnded = await store.endHold(on)
      if (isEnded) changed('farm', 'queue')
      return isEnded
    },
  }
}

/** A change that gives the same back is none; what the store says of it is not asked twice. */
const noticing = async <T, Next extends T | 'forgotten'>(
  change: (how: (before: T) => Next) => Promise<T | undefined>,
  { how, tell }: { how: (before: T) => Next; tell(): void },
): Promise<T | undefined> => {
  let isOther = false
  const kept = await change(before => {
    const next = how(before)
    isOther = next !== before
    return next
  })
  if (isOther) tell()
  return kept
}

const incidentWords = (store: Store, changed: Changed): Partial<Store> => ({
  async openIncident(incident) {
    const isOpened = await store.openIncident(incident)
    if (isOpened) changed('incidents')
    return isOpened
  },
  changeIncident: (id, how) =>
    noticing(seen => store.changeIncident(id, seen), { how, tell: () => changed('incidents') }),
  async resolveIncidents(of, resolved) {
    const count = await store.resolveIncidents(of, resolved)
    if (count > 0) changed('incidents')
    return count
  },
  async dropIncident(id) {
    await store.dropIncident(id)
    changed('incidents')
  },
  async addMaintenance(maintenance) {
    const isAdded = await store.addMaintenance(maintenance)
    if (isAdded) changed('incidents')
    return isAdded
  },
  changeMaintenance: (id, how) =>
    noticing(seen => store.changeMaintenance(id, seen), { how, tell: () => changed('incidents') }),
})

/** Tells of what was changed by this process; each process tells of its own. */
export const announced = (store: Store, { changed }: Pick<LiveOut, 'changed'>): Store => ({
  ...store,
  ...flowWords(store, changed),
  ...farmWords(store, changed),
  ...incidentWords(store, changed),
})
