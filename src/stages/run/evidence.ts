// What a try leaves behind: its log, and what its clones can show. A clone is given back as soon as that is kept.
import type { RunPorts, Try } from './try.ts'

/** Evidence must not cost the outcome: on a full disk it is missed, and the run goes on. */
export const keep = async (
  ports: RunPorts,
  attempt: Try,
  name: string,
  bytes: () => Promise<Uint8Array>,
): Promise<void> => {
  try {
    attempt.evidence[name] = await ports.blobs.put(await bytes())
  } catch (error) {
    ports.log('error', `${name} of a run could not be kept: ${String(error)}`, { task: attempt.task.id })
  }
}

/** Keeps what the clone at work can show, and gives it back. */
export const retire = async (ports: RunPorts, attempt: Try): Promise<void> => {
  const { clone, clones } = attempt
  if (!clone) return
  attempt.clone = undefined
  try {
    for (const [name, bytes] of Object.entries(await clone.evidence())) {
      await keep(ports, attempt, clones === 1 ? name : `${name}-${clones}`, async () => bytes)
    }
  } finally {
    await clone.release()
  }
}
