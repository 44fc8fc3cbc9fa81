// `grapevine image import`: brings in a disk that somebody else made.
import { UsageError } from '../../model/fault.ts'
import type { CliDeps } from '../deps.ts'
import { meterOn } from '../progress.ts'
import { theOne } from './chosen.ts'

export type ImportOptions = { vars?: string; boot: boolean; deadline: string }

export const importDisk = async (
  deps: CliDeps,
  { name, file, options }: { name: string; file: string; options: ImportOptions },
): Promise<void> => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  const image = theOne(config, name)
  if (image.kind !== 'imported')
    throw new UsageError(
      `image ${name} is of kind ${image.kind}`,
      `Only images of kind imported take a disk: set kind: imported for ${name} in farm.images.`,
    )
  const deadlineMs = await spanOf(options.deadline)
  const { importImage } = await import('../../farm/image/import.ts')
  const { tryBoot } = await import('../../farm/image/trial.ts')
  const { farm } = config
  const meter = meterOn(deps.stdout)
  const { progress } = meter
  const { signal } = deps
  try {
    const imported = await importImage({
      ...{ config: image, folder: farm.data, reserveMiB: farm.reserveMiB, file, vars: options.vars },
      ...{ progress, signal },
      trial: options.boot
        ? copied => tryBoot({ image: copied, config: image, farm, deadlineMs, progress, signal })
        : undefined,
    })
    const bootMs = imported.origin?.bootMs ?? null
    const tried = bootMs === null ? 'not tried' : `its agent answered after ${Math.round(bootMs / 1000)} s`
    meter.line(`${name}: ready in ${imported.folder}, ${tried}`)
  } finally {
    meter.end()
  }
}

const day = 86_400_000

const spanOf = async (text: string): Promise<number> => {
  const { duration } = await import('../../config/quantity.ts')
  const { data, error } = duration(1000, day).safeParse(text)
  if (data === undefined) throw new UsageError(`--deadline ${text}: ${error?.issues[0]?.message}`)
  return data
}
