// The snapshot that an image names: it must be one of a running guest with an agent.
import { Fault } from '../../model/fault.ts'
import type { Domain } from './domain.ts'
import { factsOf, isLive } from './facts.ts'

/** Its description. Fault refused if it is not there, or not of a running guest with an agent. */
export const liveSnapshot = async (domain: Domain, snapshot: string): Promise<string> => {
  const { uri, name } = domain
  const xml = await domain.snapshotXml(snapshot).catch(error => {
    if (!(error instanceof Fault) || error.kind !== 'refused') throw error
    throw new Fault('refused', 'later', error.message, {
      cause: error,
      remedy: `see what is there: virsh --connect ${uri} snapshot-list ${name}`,
    })
  })
  const what = `snapshot ${snapshot} of ${name}`
  if (!isLive(xml))
    throw new Fault('refused', 'later', `${what} is not one of a running guest`, {
      remedy: `start the guest, wait for its agent, then: virsh --connect ${uri} snapshot-create-as ${name} NAME`,
    })
  if (!factsOf(xml).hasAgent)
    throw new Fault('refused', 'later', `${what} has no channel for the guest agent`, {
      remedy: `add a channel with the target org.qemu.guest_agent.0 (virsh edit ${name}), install qemu-guest-agent in the guest, and make the snapshot anew`,
    })
  return xml
}
