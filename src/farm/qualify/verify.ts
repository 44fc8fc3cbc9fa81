// The whole qualification of a host, as an operator asks for it: a canary with each accelerator, then a soak with the best that works.
import type { Accelerator } from '../qemu.ts'
import { requireRoom } from '../storage/room.ts'
import { type Asked, askAnew, confinedAs } from './accelerator.ts'
import type { Ground } from './canary.ts'
import { hostFacts, keyOf } from './facts.ts'
import { accelerators, askedOf, type HostRequest } from './fitness.ts'
import { soakImage } from './image.ts'
import { type Answer, type Report, remember, type Soak, saveReport } from './record.ts'
import { runSoak } from './soak.ts'

export type VerifyRequest = HostRequest & {
  /** 0: no soak. */
  rounds: number
  /** Forks of each round. */
  forks: number
  /** Busy loops beside it. */
  load: number
  /** Of the soak; default: the smallest that has a disk of its own. */
  soakImage?: string | undefined
  progress: (line: string) => void
  /** Said at once and to stay: an answer, a round that failed. */
  tell: (line: string) => void
}

export type Verified = { report: Report; file: string }

/** An accelerator whose soak fails is not used either: the next one is tried. Faults: no QEMU, no image, no room; the signal's reason, and then nothing is kept. */
export const verifyHost = async (request: VerifyRequest): Promise<Verified> => {
  const asked = await confinedAs(await askedOf({ ...request, log: request.progress }))
  const { folder, reserveMiB } = request
  const bytes = asked.image.memoryMiB * 2 ** 20
  await requireRoom({ folder, reserveMiB }, { what: 'a canary', bytes })
  const answers: Answer[] = []
  for (const accelerator of accelerators(request.accelerator)) {
    const answer = await askAnew(accelerator, asked)
    request.tell(tellAnswer(answer))
    answers.push(answer)
  }
  const soaks: Soak[] = []
  for (const answer of answers.filter(({ works }) => works)) {
    if (request.rounds === 0 || (await soaked(asked, { ...request, answer, soaks }))) break
  }
  const facts = await hostFacts(asked.qemu)
  const accelerator = answers.find(({ works }) => works)?.accelerator
  const report: Report = {
    ...{ at: new Date().toISOString(), facts, ...(accelerator && { accelerator }), answers, soaks },
  }
  return { report, file: await saveReport(request.folder, report) }
}

/** Did it go well? Otherwise the answer is changed, in the list and on record. */
const soaked = async (
  asked: Asked,
  { answer, soaks, ...request }: VerifyRequest & { answer: Answer; soaks: Soak[] },
): Promise<boolean> => {
  const { accelerator } = answer
  const image = await soakImage(asked.folder, request.images, request.soakImage)
  const ground: Ground = { ...asked, signal: asked.signal ?? new AbortController().signal }
  const { rounds, forks, load, reserveMiB, progress, tell } = request
  const soak = await runSoak(ground, {
    ...{ image, accelerator, rounds, forks, load, reserveMiB },
    progress: line => progress(`${name(accelerator)}, ${line}`),
    trouble: tell,
  })
  soaks.push(soak)
  if (isWell(soak)) return true
  answer.works = false
  answer.why = `its soak failed: ${tellFailure(soak)}`
  await remember(asked.folder, keyOf(answer.facts), answer)
  tell(tellAnswer(answer))
  return false
}

export const isWell = (soak: Soak): boolean => soak.failures.length === 0 && soak.digests.changed.length === 0

/** Nothing failed of what tasks will run on, and there is such a thing. */
export const isGood = ({ accelerator, soaks }: Report): boolean =>
  accelerator !== undefined && soaks.every(isWell)

const name = (accelerator: Accelerator): string => accelerator.toUpperCase()

/** For people: `TCG: works (boot 7.8 s, …)`. */
export const tellAnswer = ({ accelerator, works, why, steps }: Answer): string => {
  const times = steps.map(step => `${step.name} ${(step.ms / 1000).toFixed(1)} s`).join(', ')
  return works ? `${name(accelerator)} works: ${times}` : `${name(accelerator)} is not used: ${why}`
}

/** A report in a few words, by name. */
export const summaryOf = ({ at, accelerator, facts, soaks }: Report): Record<string, string> => {
  const soak = soaks.at(-1)
  const rounds = soak && `${soak.rounds - soak.failedRounds} of ${soak.rounds} rounds right`
  return {
    accelerator: accelerator ? name(accelerator) : 'none works',
    qualified: `${at.slice(0, 16).replace('T', ' ')} UTC${rounds ? `, ${rounds}` : ''}`,
    kernel: facts.kernel,
    QEMU: facts.qemu,
    processor: facts.processor,
  }
}

const tellFailure = ({ rounds, failedRounds, failures, digests }: Soak): string => {
  const [first] = failures
  const changed = digests.changed.length > 0 ? [`${digests.changed.length} files of templates changed`] : []
  const reason = first ? [`${failedRounds} of ${rounds} rounds failed, first: ${first.why}`] : []
  return [...reason, ...changed].join('; ')
}
