// Which accelerator this host's guests run on. That /dev/kvm opens proves nothing: an accelerator counts when a canary did all that a guest must do.
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { Fault } from '../../model/fault.ts'
import type { Bootable } from '../bootable.ts'
import type { Accelerator } from '../qemu.ts'
import { type Ground, runCanary } from './canary.ts'
import { type HostFacts, hostFacts, keyOf } from './facts.ts'
import { type Answer, recall, remember } from './record.ts'

export type Asked = Omit<Ground, 'signal'> & {
  image: Bootable
  log: (line: string) => void
  signal?: AbortSignal | undefined
}

/** What the farm uses. Qualifies KVM if that is not on record for this host as it is. Fault refused (never) if KVM is wanted and does not do. */
export const chooseAccelerator = async (
  request: Asked & { wanted: 'auto' | Accelerator },
): Promise<Accelerator> => {
  if (request.wanted === 'tcg') return 'tcg'
  const { works, why } = await answerOf('kvm', request)
  if (works) return 'kvm'
  if (request.wanted === 'kvm')
    throw new Fault('refused', 'never', `farm.accelerator is kvm, but ${why}`, {
      remedy: 'set farm.accelerator to auto or tcg, or use a host with working KVM',
    })
  request.log(`KVM is not used: ${why}; guests are emulated (TCG), which is slower`)
  return 'tcg'
}

/** How long an answer that nothing works is believed before it is tried again. */
export type Trust = (answer: Answer) => boolean

/** From the record, or by a canary, and then on record. Throws as runCanary. */
export const answerOf = async (
  accelerator: Accelerator,
  request: Asked,
  trust: Trust = () => true,
): Promise<Answer> => {
  const { folder, qemu } = request
  const facts = await hostFacts(qemu)
  const known = await recall(folder, keyOf(facts), accelerator)
  if (known && trust(known)) {
    const closed = known.works && (await closedTo(accelerator, facts))
    return closed || known
  }
  return await askAnew(accelerator, request)
}

/** By a canary, whatever is on record; then on record. */
export const askAnew = async (accelerator: Accelerator, request: Asked): Promise<Answer> => {
  const { folder, image, log, signal = new AbortController().signal } = request
  const facts = await hostFacts(request.qemu)
  const closed = await closedTo(accelerator, facts)
  if (closed) return closed
  log(`trying whether a guest does what it should with ${accelerator.toUpperCase()}`)
  const found = await runCanary({ ...request, signal }, { image, accelerator })
  const at = new Date().toISOString()
  const answer: Answer = { ...found, accelerator, at, image: image.name, facts }
  await remember(folder, keyOf(facts), answer)
  return answer
}

/** A device that may not be opened is no answer for the record: groups and modes change. */
const closedTo = async (accelerator: Accelerator, facts: HostFacts): Promise<Answer | undefined> => {
  if (accelerator === 'tcg') return undefined
  const opens = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
  if (opens) return undefined
  const why = '/dev/kvm cannot be opened'
  return { accelerator, works: false, why, at: new Date().toISOString(), image: '', steps: [], facts }
}
