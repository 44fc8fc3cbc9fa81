// Jobs, their tasks, and every try at a task.
import type { Job, RunRecord, Task, TaskState } from '../../model/job.ts'
import { endOf, type RunEnd, type RunGist } from '../../model/run-end.ts'
import type { Store } from '../../ports/store.ts'
import { fromJson, inChunks, taskKey } from './columns.ts'
import { noteEnd } from './figures.ts'
import { noteBlobs } from './run-blobs.ts'
import type { Db, Tables } from './tables.ts'

type JsonRow = { id: string; data: string }
type TaskRow = Pick<Tables['task'], 'id' | 'state' | 'data'>

const columns = ['id', 'data'] as const
const taskColumns = ['id', 'state', 'data'] as const

/** A job from its row. */
export const toJob = (row: JsonRow): Job => fromJson<Job>(row.data, `job ${row.id}`)

const toRun = (row: JsonRow) => fromJson<RunRecord>(row.data, `run ${row.id}`)

const toTask = (row: TaskRow): Task => ({
  ...fromJson<Omit<Task, 'state'>>(row.data, `task ${row.id}`),
  state: fromJson<TaskState>(row.state, `task ${row.id}`),
})

const stateColumns = (state: TaskState) => ({
  state_at: state.at,
  state_key: taskKey(state),
  state: JSON.stringify(state),
})

const taskRow = ({ state, ...rest }: Task) => ({
  id: rest.id,
  job: rest.job,
  image: rest.image,
  priority: rest.priority,
  ...stateColumns(state),
  data: JSON.stringify(rest),
})

type JobPart = Pick<
  Store,
  | 'addJob'
  | 'addTasks'
  | 'baselines'
  | 'job'
  | 'jobsOf'
  | 'task'
  | 'tasksOf'
  | 'tasksOfJobs'
  | 'tasksAt'
  | 'moveTask'
  | 'saveRun'
  | 'run'
  | 'runsOf'
  | 'runEnds'
  | 'outcome'
>

type EndRow = { id: string; task: string; ended_at: number | null; gist: string | null; data: string }

const toEnd = (row: EndRow): RunEnd => {
  const { job, project, image, probe } = fromJson<Omit<Task, 'state'>>(row.data, `task ${row.task}`)
  const gist = fromJson<RunGist & Pick<RunRecord, 'host' | 'startedAt'>>(row.gist ?? '', `run ${row.id}`)
  return {
    ...{ run: row.id, task: row.task, job, project, image, endedAt: row.ended_at ?? 0 },
    ...(probe?.side === 'without' ? { without: true as const } : {}),
    ...gist,
  }
}

const runStore = (db: Db): Pick<Store, 'saveRun' | 'run' | 'runsOf' | 'runEnds'> => ({
  async saveRun(run) {
    const end = endOf(run)
    const gist = end && JSON.stringify({ ...end.gist, host: run.host, startedAt: run.startedAt })
    const values = {
      ...{ task: run.task, attempt: run.attempt, data: JSON.stringify(run) },
      ...{ ended_at: end?.at ?? null, gist: gist ?? null },
    }
    await db.transaction().execute(async transaction => {
      const query = transaction.selectFrom('run').select('ended_at').where('id', '=', run.id)
      const isKnown = end === undefined || ((await query.executeTakeFirst())?.ended_at ?? null) !== null
      await transaction
        .insertInto('run')
        .values({ id: run.id, ...values })
        .onConflict(conflict => conflict.column('id').doUpdateSet(values))
        .execute()
      await noteBlobs(transaction, run)
      if (isKnown) return
      const { host, startedAt } = run
      await noteEnd(transaction, { host, startedAt, endedAt: end.at, isOurs: end.gist.kind === 'ours' })
    })
  },

  async run(id) {
    const row = await db.selectFrom('run').select(columns).where('id', '=', id).executeTakeFirst()
    return row && toRun(row)
  },

  async runsOf(task) {
    const query = db.selectFrom('run').select(columns).where('task', '=', task)
    return (await query.orderBy('attempt').orderBy('seq').execute()).map(toRun)
  },

  async runEnds({ since, limit }) {
    const rows = await db
      .selectFrom('run')
      .innerJoin('task', 'task.id', 'run.task')
      .select(['run.id', 'run.task', 'run.ended_at', 'run.gist', 'task.data'])
      .where('run.ended_at', '>', since)
      .orderBy('run.ended_at', 'desc')
      .orderBy('run.seq', 'desc')
      .limit(limit)
      .execute()
    return rows.map(toEnd)
  },
})

const insertTasks = async (db: Db, tasks: Task[]): Promise<void> => {
  for (const chunk of inChunks(tasks))
    await db
      .insertInto('task')
      .values(chunk.map(taskRow))
      .onConflict(conflict => conflict.column('id').doNothing())
      .execute()
}

/** The store's half of jobs, tasks and runs. */
export const jobStore = (db: Db): JobPart => ({
  ...runStore(db),

  addJob: (job, tasks) =>
    db.transaction().execute(async transaction => {
      await transaction
        .insertInto('job')
        .values({
          id: job.id,
          series: job.series ?? null,
          created_at: job.createdAt,
          data: JSON.stringify(job),
        })
        .onConflict(conflict => conflict.column('id').doNothing())
        .execute()
      await insertTasks(transaction, tasks)
    }),

  addTasks: tasks => db.transaction().execute(transaction => insertTasks(transaction, tasks)),

  async baselines({ project, baseName, limit }) {
    // Bases are few beside series; the newest are looked at first.
    const found: Job[] = []
    for (let before: number | undefined; found.length < limit; ) {
      let query = db
        .selectFrom('job')
        .select(['seq', ...columns])
        .where('series', 'is', null)
      if (before !== undefined) query = query.where('seq', '<', before)
      const rows = await query.orderBy('seq', 'desc').limit(100).execute()
      const jobs = rows.map(toJob)
      found.push(
        ...jobs.filter(
          job => job.project === project && (baseName === undefined || job.baseName === baseName),
        ),
      )
      before = rows.at(-1)?.seq
      if (rows.length < 100) break
    }
    return found.slice(0, limit)
  },

  async job(id) {
    const row = await db.selectFrom('job').select(columns).where('id', '=', id).executeTakeFirst()
    return row && toJob(row)
  },

  async jobsOf(series) {
    const query = db.selectFrom('job').select(columns).where('series', '=', series)
    return (await query.orderBy('created_at').orderBy('seq').execute()).map(toJob)
  },

  async task(id) {
    const row = await db.selectFrom('task').select(taskColumns).where('id', '=', id).executeTakeFirst()
    return row && toTask(row)
  },

  async tasksOf(job) {
    const query = db.selectFrom('task').select(taskColumns).where('job', '=', job)
    return (await query.orderBy('seq').execute()).map(toTask)
  },

  async tasksOfJobs(jobs) {
    const found: Task[] = []
    for (const chunk of inChunks(jobs)) {
      const query = db.selectFrom('task').select(taskColumns).where('job', 'in', chunk)
      found.push(...(await query.orderBy('seq').execute()).map(toTask))
    }
    return found
  },

  async tasksAt(at) {
    const query = db.selectFrom('task').select(taskColumns).where('state_at', '=', at)
    return (await query.orderBy('priority').orderBy('seq').execute()).map(toTask)
  },

  async moveTask(id, from, to) {
    const query = db.updateTable('task').set(stateColumns(to)).where('id', '=', id)
    const { numUpdatedRows } = await query.where('state_key', '=', taskKey(from)).executeTakeFirst()
    return numUpdatedRows === 1n
  },

  async outcome(task) {
    const row = await db.selectFrom('task').select('state').where('id', '=', task).executeTakeFirst()
    const state = row && fromJson<TaskState>(row.state, `task ${task}`)
    return state?.at === 'done' ? state.outcome : undefined
  },
})
