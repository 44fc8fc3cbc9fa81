// Which accelerator this host's guests run on. That /dev/kvm opens proves nothing: an accelerator counts when a canary did all that a guest must do.
import { constants } from 'node:fs'
import { access, mkdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../model/fault.ts'
import type { Bootable } from '../bootable.ts'
import { confined } from '../jail.ts'
import type { Accelerator } from '../qemu.ts'
import { asFault } from '../system-fault.ts'
import { type Ground, runCanary } from './canary.ts'
import { type HostFacts, hostFacts, keyOf } from './facts.ts'
import { type Answer, recall, remember } from './record.ts'

export type Asked = Omit<Ground, 'signal'> & {
  image: Bootable
  log: (line: string) => void
  signal?: AbortSignal | undefined
  /** farm.user. */
  user?: string | undefined
}

/** With the QEMU as tasks have it: confined. */
export const confinedAs = async (asked: Asked): Promise<Asked> => {
  if (asked.qemu.jail) return asked
  await asFault('the farm', mkdir(join(asked.folder, 'clones'), { recursive: true }))
  return { ...asked, qemu: await confined(asked.qemu, { ...asked, user: asked.user }) }
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
    const shut = known.works && (await closedTo(accelerator, facts, request.user))
    return shut || known
  }
  return await askAnew(accelerator, request)
}

/** By a canary, whatever is on record; then on record. */
export const askAnew = async (accelerator: Accelerator, request: Asked): Promise<Answer> => {
  const { folder, image, log, signal = new AbortController().signal } = request
  const facts = await hostFacts(request.qemu)
  const shut = await closedTo(accelerator, facts, request.user)
  if (shut) return shut
  log(`trying whether a guest does what it should with ${accelerator.toUpperCase()}`)
  const ground = { ...(await confinedAs(request)), signal }
  const found = await runCanary(ground, { image, accelerator })
  // The worker may open it, and the user that QEMU runs as may not.
  if (!found.works && /access KVM.*Permission denied/.test(found.why)) {
    refusedAs = await deviceNow(request.user)
    return closed(facts)
  }
  const at = new Date().toISOString()
  const answer: Answer = { ...found, accelerator, at, image: image.name, facts }
  await remember(folder, keyOf(facts), answer)
  return answer
}

/** The device as it was when a QEMU of this process's might not open it: it is not tried again, once a minute, until that changes. */
let refusedAs: string | undefined

const deviceNow = async (user: string | undefined): Promise<string> => {
  const found = await stat('/dev/kvm').catch(() => undefined)
  return `${found?.ino} ${found?.ctimeMs} ${user}`
}

/** A device that may not be opened is no answer for the record: groups and modes change. */
const closedTo = async (
  accelerator: Accelerator,
  facts: HostFacts,
  user: string | undefined,
): Promise<Answer | undefined> => {
  if (accelerator === 'tcg') return undefined
  if (refusedAs === (await deviceNow(user))) return closed(facts)
  const opens = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
  return opens ? undefined : closed(facts)
}

const closed = (facts: HostFacts): Answer => ({
  ...{ accelerator: 'kvm', works: false, image: '', steps: [], facts },
  at: new Date().toISOString(),
  why: '/dev/kvm may not be opened by the user that QEMU runs as; its group should be kvm, its mode 660',
})
