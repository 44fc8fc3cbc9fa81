// Is this host fit to take work? Asked by its worker, at its start and now and then: cheap when it is on record, a canary when it is not.
import type { ImageConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Alarm } from '../../model/incident.ts'
import type { Millis } from '../../model/instant.ts'
import { type Deadlines, defaultDeadlines } from '../deadline.ts'
import { thisOwner, tokenOf } from '../owner.ts'
import { type Accelerator, probeQemu, type Qemu } from '../qemu.ts'
import { systemFault } from '../system-fault.ts'
import { type Asked, answerOf } from './accelerator.ts'
import { canaryImage, isOurs } from './image.ts'
import { type Answer, saveReport } from './record.ts'

export type HostRequest = {
  /** The farm's. */
  folder: string
  images: ImageConfig[]
  /** farm.accelerator. */
  accelerator: 'auto' | Accelerator
  /** The farm's, if it is not its folder's. */
  token?: string
  /** farm.user. */
  user?: string | undefined
  /** farm.reserve. */
  reserveMiB?: number | undefined
  /** Default: the one in $PATH. */
  qemu?: Qemu
  deadlines?: Partial<Deadlines>
  log?: (line: string) => void
  signal?: AbortSignal | undefined
}

/** An unfit host is tried again after so long: what was wrong may be over. */
const unfitMs: Millis = 10 * 60_000

export type FitnessRequest = HostRequest & { host: string; alarm?: Alarm }

/**
 * Why this host can take no work; undefined: it can. Runs a canary (about 15 s emulated) if the record holds none for the kernel, QEMU,
 * processor and firmware as they are now; otherwise it costs the start of one QEMU, 0.1 s. Raises and clears the incident
 * host-unqualified. Throws the signal's reason, no Fault: no QEMU, no image, no room are reasons as well, but not the host's guilt.
 */
export const fitness = async (request: FitnessRequest): Promise<string | undefined> => {
  try {
    return await examine(request)
  } catch (raw) {
    const error = systemFault(raw, 'the qualification of this host')
    if (!(error instanceof Fault)) throw error
    return [error.message, error.remedy].filter(Boolean).join('; ')
  }
}

const examine = async (request: FitnessRequest): Promise<string | undefined> => {
  const { images, host, alarm } = request
  if (images.length > 0 && !images.some(isOurs)) return undefined
  const asked = await askedOf(request)
  const wanted = accelerators(request.accelerator)
  const answers: Answer[] = []
  let isNews = false
  const log = (line: string) => {
    isNews = true
    asked.log(line)
  }
  for (const accelerator of wanted) {
    const isLast = accelerator === wanted.at(-1)
    const answer = await answerOf(accelerator, { ...asked, log }, known => !isLast || isFresh(known))
    answers.push(answer)
    if (answer.works) break
  }
  const working = answers.find(({ works }) => works)
  const [first] = answers
  if (isNews && first) {
    const { facts, at } = answers.at(-1) ?? first
    const accelerator = working?.accelerator
    await saveReport(request.folder, { at, facts, ...(accelerator && { accelerator }), answers, soaks: [] })
  }
  if (working) {
    await alarm?.clear('host-unqualified', host, `guests work with ${working.accelerator.toUpperCase()}`)
    return undefined
  }
  const why = unfit(answers)
  await alarm?.raise('host-unqualified', host, `${why}; when it is mended: grapevine host verify`)
  return why
}

export const unfit = (answers: Answer[]): string => {
  const each = answers.map(({ accelerator, why }) => `${accelerator.toUpperCase()}: ${why}`)
  return `no accelerator of this host works: ${each.join(' · ')}`
}

/** In the order in which they are preferred. */
export const accelerators = (wanted: 'auto' | Accelerator): Accelerator[] =>
  wanted === 'auto' ? ['kvm', 'tcg'] : [wanted]

/** That KVM does not work is believed as long as the host is the same; the last resort is tried again. */
const isFresh = ({ works, at }: Answer): boolean => works || Date.now() - Date.parse(at) < unfitMs

/** Fills in what was not given. Faults of probeQemu and canaryImage. */
export const askedOf = async (request: HostRequest): Promise<Asked> => {
  const { folder, images, log = () => {}, signal, user } = request
  return {
    ...{ folder, log, signal, user },
    owner: thisOwner(request.token ?? tokenOf(folder)),
    qemu: request.qemu ?? (await probeQemu()),
    deadlines: { ...defaultDeadlines, ...request.deadlines },
    image: await canaryImage(folder, images),
  }
}
