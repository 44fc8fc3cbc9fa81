// In idle time: the templates of the bases that the next patches will be tested on. A base that moved is built before the first patch on it comes.
import { setTimeout as sleep } from 'node:timers/promises'
import { branchesOf } from '../config/branches.ts'
import type { ProjectConfig } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import { type Farm, PrepareFailed, type TemplateSpec } from '../ports/farm.ts'
import { buildTemplate } from '../stages/run/build.ts'
import { testTemplate } from '../stages/run/test.ts'
import type { Wired } from './wire.ts'

export type Warming = {
  farm: Farm
  /** Images that this host serves now. */
  images: () => string[]
  /** Does no task run here, and does none wait? Asked all the time: a task must not share the processors with this. */
  isIdle: () => boolean
  signal: AbortSignal
}

type Ports = Pick<Wired, 'config' | 'mirror' | 'log'>

const roundMs = 5 * 60_000
const lookMs = 1_000

/** Runs until the signal. What fails is told once for each base, and tried again for the next one. */
export const keepWarm = async (wired: Ports, warming: Warming): Promise<void> => {
  const failed = new Set<string>()
  while (!warming.signal.aborted) {
    for (const project of wired.config.projects) await warmProject(wired, project, warming, failed)
    await sleep(roundMs, undefined, { signal: warming.signal }).catch(() => {})
  }
}

const warmProject = async (
  wired: Ports,
  project: ProjectConfig,
  warming: Warming,
  failed: Set<string>,
): Promise<void> => {
  const { mirror } = wired
  const { recipe } = project
  await orTell(wired, warming, `${project.name}: no template is made ahead`, async () => {
    if (!warming.isIdle()) return
    await unless(warming.signal, mirror.fetch(recipe.repository, { ifOlderThanMs: roundMs / 2 }))
    for (const image of recipe.test.images) await warmOne(wired, testTemplate(image), warming, failed)
  })
  // One branch that does not build is no reason to leave out the others.
  for (const branch of branchesOf(project))
    await orTell(wired, warming, `${project.name}: no template is made ahead for ${branch}`, async () => {
      if (!warming.isIdle()) return
      const base = await mirror.resolve(recipe.repository, branch)
      if (base === undefined) return
      await warmOne(wired, buildTemplate({ project: project.name, base, recipe }, mirror), warming, failed)
    })
}

const orTell = async (
  { log }: Ports,
  { signal }: Warming,
  what: string,
  act: () => Promise<void>,
): Promise<void> => {
  if (signal.aborted) return
  try {
    await act()
  } catch (error) {
    if (signal.aborted || error === notIdle) return
    if (!(error instanceof Fault || error instanceof PrepareFailed)) throw error
    log('warn', `${what}: ${error.message}`)
  }
}

const warmOne = async (
  wired: Ports,
  spec: TemplateSpec,
  warming: Warming,
  failed: Set<string>,
): Promise<void> => {
  const key = `${spec.image} ${spec.content}`
  if (failed.has(key) || !warming.images().includes(spec.image) || !warming.isIdle()) return
  await warm(wired, spec, warming).catch(error => {
    // A loaded host or a full disk passes; a base that does not build stays so.
    if (error instanceof PrepareFailed) failed.add(key)
    throw error
  })
}

/** A fetch may take half an hour, and nobody waits for it when the worker ends. */
const unless = async <T>(signal: AbortSignal, promise: Promise<T>): Promise<T> => {
  const over = new AbortController()
  try {
    const { promise: end, reject } = Promise.withResolvers<never>()
    const stop = () => reject(signal.reason)
    if (signal.aborted) stop()
    signal.addEventListener('abort', stop, { signal: over.signal })
    return await Promise.race([promise, end])
  } finally {
    over.abort()
  }
}

const notIdle = new Error('a task came')

/** Given up as soon as a task comes; one that needs the same template goes on with the same work. */
const warm = async ({ log }: Ports, spec: TemplateSpec, { farm, isIdle, signal }: Warming): Promise<void> => {
  const busy = new AbortController()
  const look = setInterval(() => isIdle() || busy.abort(notIdle), lookMs)
  try {
    await farm.template(spec, line => log('info', line), AbortSignal.any([signal, busy.signal]))
  } finally {
    clearInterval(look)
  }
}
