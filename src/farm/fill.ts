// What a recipe puts into a guest before it is frozen: its files, then its prepare steps. The same for QEMU's guests and libvirt's.
import type { Fault } from '../model/fault.ts'
import { type Ending, isGuestsDoing } from '../model/run.ts'
import {
  type Clone,
  type Command,
  PrepareFailed,
  type Progress,
  type RunOptions,
  type TemplateSpec,
} from '../ports/farm.ts'

export type Filling = {
  spec: TemplateSpec
  progress: Progress
  signal: AbortSignal
  write: Clone['write']
  /** Gives an ending that is the guest's own doing only if it is; may throw a Fault. */
  exec: (step: Command, options: RunOptions) => Promise<Ending>
  /** For an ending that is ours. */
  faultOf: (ending: Ending, step: string) => Fault
}

/** Faults; PrepareFailed if a step ends in anything but success, by the guest's own doing. */
export const fill = async (filling: Filling): Promise<void> => {
  const { spec, progress, signal, write } = filling
  for (const file of spec.files) {
    progress(`${spec.label}: copying ${file.path}`)
    await write(file.path, await file.bytes(), { untar: file.untar })
    signal.throwIfAborted()
  }
  for (const [index, step] of spec.prepare.entries()) {
    progress(`${spec.label}: ${step.name}`, index, spec.prepare.length)
    await prepare(filling, step)
  }
}

/** Bytes of a step's output, its last ones, that are kept for people. */
const keptOutput = 4 << 20

const prepare = async ({ signal, exec, faultOf }: Filling, step: Command): Promise<void> => {
  const chunks: Buffer[] = []
  let kept = 0
  const onOutput = (chunk: Buffer) => {
    kept += chunk.length
    chunks.push(chunk)
    while (kept > keptOutput) kept -= chunks.shift()?.length ?? 0
  }
  const ending = await exec(step, { onOutput, signal })
  signal.throwIfAborted()
  if (ending.kind === 'finished' && ending.exitCode === 0) return
  if (isGuestsDoing(ending)) throw new PrepareFailed(step.name, ending, Buffer.concat(chunks))
  throw faultOf(ending, step.name)
}
