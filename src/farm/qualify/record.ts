// What is kept of a host's qualification, in the farm's folder: which accelerator works under which facts, and the reports.
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Accelerator } from '../qemu.ts'

const factsSchema = z.object({
  kernel: z.string(),
  qemu: z.string(),
  processor: z.string(),
  bios: z.string(),
  firmware: z.string(),
})

const answerSchema = z.object({
  accelerator: z.enum(['kvm', 'tcg']),
  works: z.boolean(),
  /** One line for people. */
  why: z.string(),
  /** ISO 8601, UTC. */
  at: z.string(),
  image: z.string(),
  steps: z.array(z.object({ name: z.string(), ms: z.number() })),
  facts: factsSchema,
})

/** Whether an accelerator of this host does what it should. */
export type Answer = z.infer<typeof answerSchema>

const spreadSchema = z.object({ median: z.number(), p90: z.number(), max: z.number() })

const soakSchema = z.object({
  accelerator: z.enum(['kvm', 'tcg']),
  image: z.string(),
  rounds: z.number(),
  forksPerRound: z.number(),
  /** Busy loops beside it. */
  load: z.number(),
  saves: z.object({ ok: z.number(), failed: z.number() }),
  forks: z.object({ ok: z.number(), failed: z.number(), killed: z.number() }),
  failures: z.array(z.object({ round: z.number(), why: z.string() })),
  failedRounds: z.number(),
  /** undefined: nothing was measured, all failed. */
  saveMs: spreadSchema.optional(),
  forkMs: spreadSchema.optional(),
  digests: z.object({ compared: z.number(), changed: z.array(z.string()) }),
  tookMs: z.number(),
})

export type Soak = z.infer<typeof soakSchema>
export type Spread = z.infer<typeof spreadSchema>

const reportSchema = z.object({
  at: z.string(),
  facts: factsSchema,
  /** What tasks will run on; undefined: the host is unfit. */
  accelerator: z.enum(['kvm', 'tcg']).optional(),
  answers: z.array(answerSchema),
  soaks: z.array(soakSchema),
})

/** All that one `host verify`, or one start of a worker, found out. */
export type Report = z.infer<typeof reportSchema>

const keptAnswers = 20
const keptReports = 50

const placeOf = (folder: string): string => join(folder, 'qualify')
const answersFile = (folder: string): string => join(placeOf(folder), 'answers.json')
export const reportsIn = (folder: string): string => join(placeOf(folder), 'reports')

const answersSchema = z.record(z.string(), answerSchema)

const answersOf = async (folder: string): Promise<Record<string, Answer>> => {
  try {
    return answersSchema.parse(JSON.parse(await readFile(answersFile(folder), 'utf8')))
  } catch {
    // A record that cannot be read is no record: the host is qualified again.
    return {}
  }
}

/** `key`: of the facts (facts.ts). */
export const recall = async (
  folder: string,
  key: string,
  accelerator: Accelerator,
): Promise<Answer | undefined> => (await answersOf(folder))[`${accelerator} ${key}`]

export const remember = async (folder: string, key: string, answer: Answer): Promise<void> => {
  const all = Object.entries({ ...(await answersOf(folder)), [`${answer.accelerator} ${key}`]: answer })
  const newest = all.sort(([, a], [, b]) => b.at.localeCompare(a.at)).slice(0, keptAnswers)
  await writeWhole(answersFile(folder), Object.fromEntries(newest))
}

/** Returns its file; the oldest ones go. */
export const saveReport = async (folder: string, report: Report): Promise<string> => {
  const file = join(reportsIn(folder), `${report.at.replaceAll(':', '-')}.json`)
  await writeWhole(file, report)
  const names = await reportNames(folder)
  for (const name of names.slice(0, -keptReports)) await rm(join(reportsIn(folder), name), { force: true })
  return file
}

export type Kept = { report: Report; file: string }

/** The newest first. Files that are none are passed over. */
export const reports = async (folder: string): Promise<Kept[]> => {
  const all: Kept[] = []
  for (const name of (await reportNames(folder)).reverse()) {
    const file = join(reportsIn(folder), name)
    const report = await readFile(file, 'utf8').then(parse, () => undefined)
    if (report) all.push({ report, file })
  }
  return all
}

/** The newest report of what was found out on this host; undefined: it was never qualified. */
export const lastReport = async (folder: string): Promise<Kept | undefined> => (await reports(folder))[0]

const parse = (text: string): Report | undefined => {
  try {
    return reportSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** Their names begin with their time. */
const reportNames = async (folder: string): Promise<string[]> => {
  const names = await readdir(reportsIn(folder)).catch((): string[] => [])
  return names.filter(name => name.endsWith('.json')).sort()
}

const writeWhole = async (file: string, content: unknown): Promise<void> => {
  await mkdir(join(file, '..'), { recursive: true })
  // The farm and its worker may find out the same thing at the same time.
  const part = `${file}.${randomUUID()}.part`
  await writeFile(part, `${JSON.stringify(content, undefined, 2)}\n`)
  await rename(part, file)
}
