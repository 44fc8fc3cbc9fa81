// `grapevine image verify`: reads every byte of the images on this host, and says which file is not what it was.
import { basename } from 'node:path'
import type { Config, ImageConfig } from '../../config/config.ts'
import type { Image } from '../../farm/image/manifest.ts'
import type { Flaw } from '../../farm/image/verify.ts'
import { Fault } from '../../model/fault.ts'
import type { CliDeps } from '../deps.ts'
import { exitCode } from '../exit.ts'
import { type Meter, meterOn } from '../progress.ts'
import { chosen, keptByLibvirt } from './chosen.ts'

type Verified = {
  name: string
  /** The folder's name; null if there is none. */
  version: string | null
  sound: boolean
  flaws: Flaw[]
  bytes: number
  remedy: string | null
}

type Work = { config: Config; meter: Meter; named: boolean; signal: AbortSignal }

export const verify = async (
  deps: CliDeps,
  names: string[],
  { json = false }: { json?: boolean },
): Promise<void> => {
  const config = await deps.config({ repositories: 'later', secrets: 'later' })
  const images = chosen(config, names)
  const meter = meterOn(json ? deps.stderr : deps.stdout)
  let sound = true
  try {
    for (const image of images) {
      if (image.kind === 'libvirt') {
        if (names.length > 0) meter.line(`${image.name}: no files here, ${keptByLibvirt}`)
        continue
      }
      for (const one of await verifyOne(image, {
        config,
        meter,
        named: names.length > 0,
        signal: deps.signal,
      })) {
        sound &&= one.sound
        if (json) deps.stdout.write(`${JSON.stringify(one)}\n`)
        else for (const line of say(one)) meter.line(line)
      }
    }
  } finally {
    meter.end()
  }
  if (!sound) deps.exitWith(exitCode.failed)
}

/** Older versions too: templates may lie on them. */
const verifyOne = async (image: ImageConfig, work: Work): Promise<Verified[]> => {
  const { loadImage, readImage } = await import('../../farm/image/manifest.ts')
  const { versionsOf } = await import('../../farm/image/versions.ts')
  const { data } = work.config.farm
  const { name, kind } = image
  const versions = await versionsOf(data, name)
  const all: Verified[] = []
  const isThere = versions.some(({ current }) => current)
  if (!isThere && !work.named) work.meter.line(`${name}: not there yet`)
  // Says what to do.
  if (!isThere && work.named)
    all.push(await verifyVersion({ name, version: null, read: () => loadImage(data, name, kind) }, work))
  for (const { name: version, folder } of versions)
    all.push(await verifyVersion({ name, version, read: () => readImage(folder, name, kind) }, work))
  return all
}

type Asked = { name: string; version: string | null; read: () => Promise<Image> }

const verifyVersion = async ({ name, version, read }: Asked, work: Work): Promise<Verified> => {
  const { filesOf, remedyOf } = await import('../../farm/image/manifest.ts')
  const { verifyImage } = await import('../../farm/image/verify.ts')
  try {
    const image = await read()
    const { signal, meter } = work
    const flaws = await verifyImage(image, { progress: meter.progress, signal })
    await tellWorker(image, flaws, work)
    const bytes = filesOf(image).reduce((sum, file) => sum + file.bytes, 0)
    const remedy = flaws.length === 0 ? null : remedyOf(name, image.kind)
    return { name, version: basename(image.folder), sound: flaws.length === 0, flaws, bytes, remedy }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const flaws = [{ file: 'manifest.json', what: error.message }]
    return { name, version, sound: false, flaws, bytes: 0, remedy: error.remedy ?? null }
  }
}

/** Its worker puts the version aside, raises the alarm and mends it, as soon as no task runs. */
const tellWorker = async ({ folder }: Image, flaws: Flaw[], { config }: Work): Promise<void> => {
  if (flaws.length === 0) return
  const { scrubSoon } = await import('../../farm/storage/scrub-state.ts')
  const given = { of: basename(folder), files: flaws.map(({ file }) => file) }
  // Who may only read here still hears what is wrong.
  await scrubSoon(config.farm.data, given).catch(() => {})
}

const say = ({ name, version, sound, flaws, bytes, remedy }: Verified): string[] => {
  const title = version ?? name
  if (sound) return [`${title}: sound, ${Math.ceil(bytes / 2 ** 20)} MiB`]
  return [
    ...flaws.map(({ file, what }) => `${title}: ${file}: ${what}`),
    ...(remedy === null ? [] : [`${title}: make it anew: ${remedy}`]),
  ]
}
