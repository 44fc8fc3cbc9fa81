// A job's duty follows from its tasks' states alone.
import { describe, expect, it } from 'vitest'
import { jobDuty } from '../../src/model/advance.ts'
import type { Task, TaskState } from '../../src/model/job.ts'

const queued: TaskState = { at: 'queued', attempt: 1 }
const running: TaskState = { at: 'running', attempt: 1, run: 'r', host: 'h', since: 0, until: 1 }
const built: TaskState = {
  at: 'done',
  attempts: 1,
  outcome: { kind: 'built', artifact: undefined, steps: [] },
}
const tested: TaskState = { at: 'done', attempts: 1, outcome: { kind: 'tested', steps: [] } }
const refused: TaskState = { at: 'done', attempts: 1, outcome: { kind: 'already-applied', positions: [1] } }
const cancelled: TaskState = { at: 'cancelled', why: 'replaced' }

const task = (kind: Task['kind'], image: string, state: TaskState): Task => ({
  id: `${kind}-${image}`,
  job: 'j',
  project: 'p',
  kind,
  image,
  priority: 6,
  state,
})

const job = (build: TaskState, ...tests: TaskState[]) => [
  task('build', 'debian', build),
  ...tests.map((state, i) => task('test', `image-${i}`, state)),
]

describe('a job', () => {
  it.each([
    ['builds first', job(queued, queued, queued), 'run', ['build-debian']],
    ['waits for its build', job(running, queued), 'wait', undefined],
    ['tests on all images at once', job(built, queued, queued), 'run', ['test-image-0', 'test-image-1']],
    ['tests again what was put back', job(built, tested, queued), 'run', ['test-image-1']],
    ['waits for its tests', job(built, running, tested), 'wait', undefined],
    [
      'does not test what was not built',
      job(refused, queued, queued),
      'cancel',
      ['test-image-0', 'test-image-1'],
    ],
    ['does not test after its build was cancelled', job(cancelled, queued), 'cancel', ['test-image-0']],
    ['is judged when all is done', job(built, tested, tested), 'judge', undefined],
    ['is judged when the rest was cancelled', job(refused, cancelled), 'judge', undefined],
    ['without test images is judged after its build', job(built), 'judge', undefined],
    ['without tasks is judged', [], 'judge', undefined],
  ])('%s', (_, tasks, duty, ids) => {
    const found = jobDuty(tasks)
    expect(found.do).toBe(duty)
    expect('tasks' in found ? found.tasks.map(one => one.id) : undefined).toEqual(ids)
  })
})

describe('a walk over the patches', () => {
  const failed: TaskState = {
    at: 'done',
    attempts: 1,
    outcome: {
      ...{ kind: 'build-failed', errors: [] },
      step: { name: 'build', ending: { kind: 'finished', exitCode: 2 }, tail: [], lines: [1, 1] },
    },
  }
  const walk = (attempt: number): Task => ({
    ...task('build', 'debian', { at: 'queued', attempt }),
    ...{ id: 'each', each: true },
  })

  it.each([
    ['is waited for', failed, 1, 'run'],
    ['is not waited for a second time when nothing builds at the end', failed, 2, 'cancel'],
    ['is tried again when the end builds', built, 2, 'run'],
  ] as const)('%s', (_, build, attempt, duty) => {
    expect(jobDuty([...job(build), walk(attempt)])).toMatchObject({ do: duty, tasks: [{ id: 'each' }] })
  })
})

describe('runs besides the first ones', () => {
  const probe = (id: string, build: string, state: TaskState): Task => ({
    ...task('test', 'image-0', state),
    id,
    probe: { why: 'proof', side: 'with', build, step: 's', round: 1, turn: 1 },
  })
  const again = (state: TaskState): Task => ({ ...task('build', 'debian', state), id: 'again', upTo: 0 })
  const first = job(built, tested)

  it.each<[string, Task[], string, string[] | undefined]>([
    ['run like the others', [...first, probe('p', 'build-debian', queued)], 'run', ['p']],
    ['of a build of another job are due', [...first, probe('p', 'elsewhere', queued)], 'run', ['p']],
    ['wait for their own build', [...first, again(running), probe('p', 'again', queued)], 'wait', undefined],
    ['and its build is due', [...first, again(queued), probe('p', 'again', queued)], 'run', ['again']],
    [
      'end where their build was lost',
      [...first, again(refused), probe('p', 'again', queued)],
      'cancel',
      ['p'],
    ],
    ['are waited for', [...first, probe('p', 'build-debian', running)], 'wait', undefined],
    [
      'that are over are judged',
      [...first, again(built), probe('p', 'again', cancelled)],
      'judge',
      undefined,
    ],
    ['do not stand for the first build', [again(built), ...job(running, queued)], 'wait', undefined],
  ])('%s', (_, tasks, duty, ids) => {
    const found = jobDuty(tasks)
    expect(found.do).toBe(duty)
    expect('tasks' in found ? found.tasks.map(one => one.id) : undefined).toEqual(ids)
  })
})
