// Makes a snapshot of the farm's own: the given one with files and steps of a recipe in it. It counts when it was reverted to and the guest
// had what it should have. Nothing else is changed by that: the given snapshot stays, and so do earlier ones of the farm's.
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { Fault } from '../../model/fault.ts'
import type { Ending } from '../../model/run.ts'
import type { Progress, TemplateSpec } from '../../ports/farm.ts'
import { fill } from '../fill.ts'
import { execByAgent } from '../guest/by-agent/exec.ts'
import { transfersByAgent } from '../guest/by-agent/transfer.ts'
import type { Domain } from './domain.ts'
import { snapshotIdentity } from './facts.ts'
import type { LibvirtGuest } from './guest.ts'

export type Making = {
  domain: Domain
  /** The given snapshot. */
  base: string
  /** The name of the new one; it is the farm's own. */
  snapshot: string
  id: string
  spec: TemplateSpec
  progress: Progress
  signal: AbortSignal
  /** Reverts the domain to a snapshot. */
  open: (snapshot: string) => Promise<LibvirtGuest>
}

const descriptionLength = 200

/** Its identity. Throws a Fault or PrepareFailed; then there is no such snapshot. */
export const makeSnapshot = async (making: Making): Promise<string> => {
  const { domain, snapshot, spec, progress, open } = making
  // Left by a process that died before it was proven.
  if ((await domain.snapshots()).includes(snapshot)) await domain.deleteSnapshot(snapshot)
  progress(`${spec.label}: reverting to ${making.base}`)
  const guest = await open(making.base)
  try {
    await fillGuest(guest, making)
    await plantMark(guest, making.id)
    await guest.tool(guest.says.sync())
    progress(`${spec.label}: making the snapshot`)
    // The domain is paused while its memory is written.
    guest.watch.stop()
    await domain.createSnapshot(snapshot, `Made by Grapevine: ${plainText(spec.label)}`)
  } finally {
    await guest.off()
  }
  try {
    return await prove(making)
  } catch (error) {
    await domain.deleteSnapshot(snapshot).catch(() => {})
    throw error
  }
}

const plainText = (label: string): string => label.replace(/[^\w .,:()/+-]/g, '_').slice(0, descriptionLength)

const markPath = (guest: LibvirtGuest): string => guest.says.scratch('template')

const plantMark = async (guest: LibvirtGuest, id: string): Promise<void> => {
  const bytes = Buffer.from(id)
  await transfersByAgent(guest).write(markPath(guest), { size: bytes.length, stream: Readable.from([bytes]) })
}

const prove = async ({ domain, snapshot, id, spec, progress, open }: Making): Promise<string> => {
  progress(`${spec.label}: proving`)
  const guest = await open(snapshot)
  try {
    const mark = await buffer(await transfersByAgent(guest).read(markPath(guest)))
    if (mark.toString() !== id)
      throw new Fault(
        'damaged',
        'soon',
        `snapshot ${snapshot} of ${domain.name} has other bytes than its guest had`,
      )
  } finally {
    await guest.off()
  }
  return snapshotIdentity(await domain.snapshotXml(snapshot))
}

const fillGuest = (guest: LibvirtGuest, { spec, progress, signal }: Making): Promise<void> =>
  fill({
    ...{ spec, progress, signal, faultOf: faultOfStep, write: transfersByAgent(guest).write },
    exec: (step, options) => execByAgent(guest, step, options),
  })

const faultOfStep = (ending: Ending, step: string): Fault => {
  const detail = 'detail' in ending ? ending.detail : ending.kind
  const kind = ending.kind === 'out-of-space' ? 'exhausted' : 'unreachable'
  return new Fault(kind, 'soon', `${step}: ${detail}`)
}
