// Whose a QEMU or a folder is: the farm's token, and the process that made it. Only what a dead process of this farm left may be removed.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { sha256 } from '../text/digest.ts'

/** `template`: of a clone's folder, what the clone is made of. */
export type Owner = { token: string; pid: number; start: string; boot: string; template?: string | undefined }

export const ownerSchema = z.object({
  token: z.string(),
  pid: z.number(),
  start: z.string(),
  boot: z.string(),
  template: z.string().optional(),
})

/** A farm's token when none is given: the same for the same folder. */
export const tokenOf = (folder: string): string => sha256(folder).slice(0, 16)

/** This process, as owner of what it makes for the farm of that token. */
export const thisOwner = (token: string): Owner => ({
  token: token.replace(/[^\w.-]/g, '_'),
  pid: process.pid,
  start: startOf(process.pid) ?? '0',
  boot: bootId(),
})

/** A process id comes back after a while; together with its start time and the boot it does not. */
export const isAlive = (owner: Owner): boolean =>
  owner.boot === bootId() && startOf(owner.pid) === owner.start

/** What stands on a QEMU's command line after `-name`. */
export const nameFor = (owner: Owner, run: string): string =>
  `grapevine:${owner.token}:${owner.pid}.${owner.start}:${run.replace(/[^\w.-]/g, '_')}`

/** Whose QEMU a process is, by its command line; undefined if it is none of a farm. */
export const ownerOf = (pid: number): Owner | undefined => {
  const line = read(`/proc/${pid}/cmdline`)?.split('\0')
  const name = line?.[line.indexOf('-name') + 1]
  const [, token, owner, start] = name?.match(/^grapevine:([\w.-]+):(\d+)\.(\d+):/) ?? []
  if (!token || !owner || !start) return undefined
  return { token, pid: Number(owner), start, boot: bootId() }
}

/** Field 22 of /proc/PID/stat (proc(5)): when it started, in ticks since the boot. A zombie counts as dead. */
const startOf = (pid: number): string | undefined => {
  const fields = read(`/proc/${pid}/stat`)?.split(') ').at(-1)?.split(' ')
  return fields?.[0] === 'Z' ? undefined : fields?.[19]
}

const bootId = (): string => read('/proc/sys/kernel/random/boot_id')?.trim() ?? 'unknown'

const read = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
