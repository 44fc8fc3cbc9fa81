// Brings a disk in that somebody else made: checked, copied, tried by a boot, and published as an image like those that are built here.
import { rm } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import type { ImportedImageConfig } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'
import type { Millis } from '../../model/instant.ts'
import type { Progress } from '../../ports/farm.ts'
import { sha256 as digest } from '../../text/digest.ts'
import { copyWritable } from '../bootable.ts'
import { changeOf, markOf } from '../files.ts'
import { requireRoom } from '../storage/room.ts'
import { digestFile, meter } from './digest.ts'
import { findFirmware } from './firmware.ts'
import { type Foreign, inspectDisk } from './foreign.ts'
import { type Image, type ImageManifest, loadImage } from './manifest.ts'
import { measureFile, publishBuild, sealBuild, withBuildFolder } from './publish.ts'
import { convertDisk } from './qemu-img.ts'

export type ImportRequest = {
  config: ImportedImageConfig
  /** The farm's data folder. */
  folder: string
  reserveMiB?: number | undefined
  /** The disk: qcow2 or raw. It is only read. */
  file: string
  /** UEFI variables that the disk was installed with; undefined: fresh ones. */
  vars?: string | undefined
  /** Boots the finished image and says how long that took; undefined: it is not tried. Throws a Fault if it does not answer. */
  trial?: ((image: Image) => Promise<Millis>) | undefined
  progress: Progress
  signal?: AbortSignal | undefined
}

const names = { disk: 'disk.qcow2', firmware: 'firmware.fd', vars: 'vars.fd' }

/** What is in it decides about what clones are; where it lay does not. */
const importVersion = 1

/** Throws Fault refused (a file that is no disk, or not a whole one), exhausted (no room), and what the trial throws. Nothing is left then. */
export const importImage = async (request: ImportRequest): Promise<Image> => {
  const { config, folder, signal } = request
  const file = resolve(request.file)
  const progress: Progress = (line, ...counts) => request.progress(`${config.name}: ${line}`, ...counts)
  if (request.vars !== undefined && config.firmware === 'bios')
    throw new Fault('refused', 'never', `image ${config.name} is configured with firmware bios`, {
      remedy: 'leave --vars out, or set firmware: uefi',
    })
  const firmware =
    config.firmware === 'uefi' ? await findFirmware(request.vars && resolve(request.vars)) : undefined
  progress(`looking at ${basename(file)}`)
  const before = await markOf(file).catch(() => undefined)
  const foreign = await inspectDisk(file, signal)
  await withBuildFolder({ folder, name: config.name }, async build => {
    const need = { what: `importing ${file}`, bytes: foreign.neededBytes + spareBytes, into: build }
    const room = { folder, reserveMiB: request.reserveMiB, prune: { farm: folder } }
    await requireRoom(room, need)
    const onBytes = meter(progress, `taking the digest of ${basename(file)}`, foreign.bytes)
    const sha256 = await digestFile(file, { onBytes, signal })
    await copyDisk(foreign, join(build, names.disk), { progress, signal })
    if (before && (await changeOf(before)))
      throw new Fault('refused', 'later', `${file} was written to while it was copied`, {
        remedy: 'stop what uses it, and import it again',
      })
    if (firmware) {
      await copyWritable(firmware.code, join(build, names.firmware))
      await copyWritable(firmware.vars, join(build, names.vars))
    }
    const manifest = await describe({ ...request, progress }, { build, foreign, sha256 })
    await sealBuild(build, manifest)
    const bootMs = await request.trial?.({ ...manifest, folder: build })
    const origin = manifest.origin && { ...manifest.origin, bootMs: bootMs ?? null }
    const tried = { ...manifest, ...(origin && { origin }) }
    await sealBuild(build, tried)
    await publishBuild(folder, build, tried)
    progress('imported')
  })
  return await loadImage(folder, config.name, 'imported')
}

/** Firmware, manifest and the tables of file systems. */
const spareBytes = 16 * 2 ** 20

type Saying = { progress: Progress; signal?: AbortSignal | undefined }

const copyDisk = async (from: Foreign, to: string, { progress, signal }: Saying): Promise<void> => {
  const told = meter(progress, 'copying the disk', from.virtualBytes)
  const onPercent = (percent: number) => told(Math.round((from.virtualBytes * percent) / 100))
  await rm(to, { force: true })
  await convertDisk(from, to, { onPercent, signal })
}

type Copied = { build: string; foreign: Foreign; sha256: string }

const describe = async (
  { config, progress, signal }: ImportRequest,
  { build, foreign, sha256 }: Copied,
): Promise<ImageManifest> => {
  const { name, os, memoryMiB, cpus } = config
  const file = (one: string) => measureFile(build, one, { progress, signal })
  const uefi = config.firmware === 'uefi'
  return {
    ...{ name, os, kind: 'imported', arch: 'x86_64', memoryMiB, cpus, append: '' },
    shell: shells[os],
    files: {
      disk: { ...(await file(names.disk)), format: 'qcow2' },
      ...(uefi && { firmware: await file(names.firmware), vars: await file(names.vars) }),
    },
    origin: { file: foreign.file, format: foreign.format, bytes: foreign.bytes, sha256, bootMs: null },
    source: importSource(config, sha256),
    builtAt: Date.now(),
  }
}

const shells = { linux: '/bin/sh', windows: 'C:\\Windows\\System32\\cmd.exe' } as const

const importSource = ({ name, os, firmware }: ImportedImageConfig, sha256: string): string =>
  digest(JSON.stringify({ importVersion, name, os, firmware, sha256 }))
