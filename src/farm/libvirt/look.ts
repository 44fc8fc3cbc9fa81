// A look at a domain without starting it: for the doctor.
import type { LibvirtImageConfig } from '../../config/config.ts'
import { defaultLibvirtDeadlines } from './deadlines.ts'
import { openDomain } from './domain.ts'
import { factsOf } from './facts.ts'
import { liveSnapshot } from './snapshot.ts'
import { openVirsh } from './virsh.ts'

export type Looked = {
  says: string
  /** It works, but could be better. */
  advice: string | undefined
}

const lookMs = 20_000

/** Throws a Fault with a remedy if the image could not be leased: no virsh, no libvirt, no domain, no snapshot of a running guest, no agent. */
export const lookAtDomain = async (image: LibvirtImageConfig, program?: string): Promise<Looked> => {
  const { uri, domain: name, snapshot } = image
  const virsh = openVirsh({ uri, callMs: lookMs, ...(program !== undefined && { program }) })
  const domain = openDomain({ virsh, name, deadlines: defaultLibvirtDeadlines })
  const { state } = await domain.state()
  const facts = factsOf(await liveSnapshot(domain, snapshot))
  const wishes = [
    facts.hasGenerationId ? [] : ['<genid/>, so that each run draws other random numbers'],
    facts.restartsOnReboot
      ? []
      : ['<on_reboot>restart</on_reboot>, so that a reset is told from a power-off'],
    facts.hasPanicDevice ? [] : ['<panic/>, so that a crash of the kernel is told from a reset'],
  ].flat()
  const advice =
    wishes.length === 0
      ? undefined
      : `Better with ${wishes.join('; ')} (virsh edit ${name}, then make the snapshot anew).`
  return { says: `${uri}, domain ${name} (${state}), snapshot ${snapshot}`, advice }
}
