// The configuration as the rest of the program sees it: checked, complete, frozen. schema.ts makes it from grapevine.yaml.
import type { Millis } from '../model/instant.ts'
import type { Address } from '../model/mail.ts'
import type { Recipe } from '../model/recipe.ts'

/** A value that is never printed: toString, JSON and util.inspect show `***`. */
export type Secret = { reveal(): string }

export type SourceConfig = { name: string; kind: 'mbox' | 'maildir' | 'public-inbox'; path: string }

/** Built by us from the distribution's packages. */
export type BuiltImageConfig = {
  name: string
  /** debian: from a package list · busybox: kernel, static busybox and the agent, all in memory. */
  kind: 'debian' | 'busybox'
  /** Distribution packages besides those that every guest has; in a busybox one only their files, with the libraries that they need. */
  packages: string[]
  memoryMiB: number
  cpus: number
  diskMiB: number
}

/** A disk that somebody else made, brought in by `grapevine image import`; qemu-guest-agent is in it. */
export type ImportedImageConfig = {
  name: string
  kind: 'imported'
  os: GuestOs
  firmware: Firmware
  /** What the disk hangs on: virtio needs a driver in the guest that Windows does not bring. */
  disk: DiskBus
  memoryMiB: number
  cpus: number
}

/** A domain of libvirt with a snapshot of its running, ready guest. */
export type LibvirtImageConfig = {
  name: string
  kind: 'libvirt'
  os: GuestOs
  /** libvirt's connection, like qemu:///system or qemu+ssh://user@host/system. */
  uri: string
  domain: string
  snapshot: string
  memoryMiB: number
  cpus: number
}

export type GuestOs = 'linux' | 'windows'
export type Firmware = 'bios' | 'uefi'
export type DiskBus = 'virtio' | 'sata'

/** Is it made here, by `grapevine image build`? */
export const isBuilt = (image: ImageConfig): image is BuiltImageConfig =>
  image.kind === 'debian' || image.kind === 'busybox'

export type ImageConfig = BuiltImageConfig | ImportedImageConfig | LibvirtImageConfig

export type ProjectConfig = {
  name: string
  /** The list that patches come from, and that replies go to. */
  list: Address
  sources: SourceConfig[]
  /** Bracket words that the list adds to subjects and that are no tag of the patch: `LTP`. */
  listTags: string[]
  recipe: Recipe
}

export type Config = {
  /** The yaml's path; undefined for defaults alone. */
  file: string | undefined
  /** Absolute folder of everything that is kept. */
  data: string
  /** Who gets all mail until `mail.live`, and what goes wrong afterwards. */
  administrator: Address
  bot: Address
  mail: {
    live: boolean
    /** Where replies leave. maildir: delivered into a folder, for trying out. */
    out:
      | { kind: 'maildir'; path: string }
      | {
          kind: 'smtp'
          host: string
          port: number
          secure: boolean
          user: string | undefined
          password: Secret | undefined
        }
  }
  /** undefined: the embedded one, on a unix socket in `data`. From REDIS_URL. */
  redisUrl: Secret | undefined
  /** undefined: SQLite in `data`. From DATABASE_URL. */
  databaseUrl: Secret | undefined
  assemble: { quietMs: Millis; deadlineMs: Millis }
  farm: {
    /** Absolute folder of images, templates and clones; on the host's own disk. */
    data: string
    slots: number
    /** What all running guests together may have as memory; a guest counts with the whole of its own. */
    memoryMiB: number
    /** Clones kept forked and paused for each template that was used lately. */
    pool: number
    /** What nothing that the farm does may touch on the disk of `data`; undefined: 10 % of it, but at most 5 GiB. */
    reserveMiB: number | undefined
    /** User (name or number) that QEMU runs as when the worker is root; undefined: a number that nobody else has. */
    user: string | undefined
    backup: {
      /** Absolute; best on another disk. */
      folder: string
      /** So many of each image and template. */
      keep: number
    }
    accelerator: 'auto' | 'kvm' | 'tcg'
    images: ImageConfig[]
  }
  /** This host's name in runs. */
  host: string
  projects: ProjectConfig[]
}
