// The part of a Config about machines: images, slots, back-ups, and how hosts are switched.
import { availableParallelism, totalmem } from 'node:os'
import { resolve } from 'node:path'
import type { Config, ImageConfig, PowerConfig } from './config.ts'
import { type Context, inFolder, secretOf, withoutSlash } from './context.ts'
import type { Path } from './problem.ts'
import type { ConfigFile } from './schema.ts'

type PowerFile = NonNullable<ConfigFile['farm']['hosts'][string]['power']>

const toPower = (power: PowerFile, { path, ...context }: Context & { path: Path }): PowerConfig => {
  if (power.kind === 'command') return power
  const password = secretOf(context, [...path, 'password'])
  const { user } = power
  if (power.kind === 'ipmi') {
    const { kind, host, port, cipher } = power
    return { kind, host, port, user, password, cipher }
  }
  const { kind, url, system } = power
  return { kind, url: withoutSlash(url), system, user, password, ca: inFolder(power.ca, context.folder) }
}

const toImage = (name: string, image: ConfigFile['farm']['images'][string]): ImageConfig => {
  const hardware = { name, memoryMiB: image.memory, cpus: image.cpus }
  if (image.kind === 'imported') {
    const { kind, os, firmware, disk = os === 'windows' ? 'sata' : 'virtio' } = image
    return { ...hardware, kind, os, firmware, disk }
  }
  if (image.kind === 'libvirt') {
    const { kind, os, uri, domain, snapshot } = image
    return { ...hardware, kind, os, uri, domain, snapshot }
  }
  const { kind, packages } = image
  return { ...hardware, kind, packages, diskMiB: image.kind === 'debian' ? image.disk : 0 }
}

/** `data`: the farm's own folder. */
export const toFarm = (
  farm: ConfigFile['farm'],
  { data, ...context }: Context & { data: string },
): Config['farm'] => {
  const { folder } = context
  const { backup } = farm
  return {
    data,
    slots: farm.slots ?? availableParallelism(),
    memoryMiB: farm.memory ?? Math.floor((totalmem() / 2 ** 20) * 0.75),
    pool: farm.pool,
    reserveMiB: farm.reserve,
    user: farm.user,
    backup: {
      folder: backup.folder === undefined ? resolve(data, 'backups') : resolve(folder, backup.folder),
      keep: backup.keep,
    },
    accelerator: farm.accelerator,
    images: Object.entries(farm.images).map(([name, image]) => toImage(name, image)),
    power: {
      afterMs: farm.power.after,
      cooldownMs: farm.power.cooldown,
      perDay: farm.power.perDay,
    },
    hosts: Object.entries(farm.hosts).map(([name, host]) => ({
      name,
      power: host.power && toPower(host.power, { ...context, path: ['farm', 'hosts', name, 'power'] }),
    })),
  }
}
