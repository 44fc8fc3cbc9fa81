// The content id of an image: what goes into it, so that the same configuration is built once.
import { readFileSync } from 'node:fs'
import type { BuiltImageConfig } from '../../config/config.ts'
import { sha256 } from '../../text/digest.ts'
import { wantedModules } from './modules.ts'

/** Raised when the builder makes something else of the same configuration. */
export const builderVersion = 1

const script = (name: string): string => readFileSync(new URL(`./guest/${name}`, import.meta.url), 'utf8')

/** What runs in a guest as process 1: `early` in the memory file system, then `init` wherever the guest lives; `finish` makes a
 *  Debian tree such a place, on the host. */
export const guestScripts = {
  early: script('early.sh'),
  init: script('init.sh'),
  finish: script('finish.sh'),
}

/** The kernel's command line: a serial console; a panic resets, and pvpanic tells before that. Timers of an emulated guest on a busy
 *  host fail the kernel's test of them. What runs in the guest may do anything there, so that mitigations only cost time. */
export const kernelArguments = (kind: BuiltImageConfig['kind']): string =>
  `console=ttyS0 panic=-1 loglevel=6 no_timer_check mitigations=off${kind === 'debian' ? ' root=/dev/vda' : ''}`

/** Digest of what decides about an image's files: configuration, builder, the guest's scripts. Memory and processors are no part
 *  of it: they are given to each machine. The order of packages does not matter. */
export const imageSource = ({ name, kind, packages, diskMiB }: BuiltImageConfig): string => {
  const disk = kind === 'debian' ? diskMiB : undefined
  const parts = { builderVersion, name, kind, packages: [...new Set(packages)].sort(), disk, wantedModules }
  const text = JSON.stringify({ ...parts, append: kernelArguments(kind), guestScripts })
  return sha256(text)
}
