// What dead processes of this farm left behind: QEMUs that bear its token, and folders of clones and of unfinished templates. Nobody else's.
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { removeStale } from './lock.ts'
import { isAlive, type Owner, ownerOf, ownerSchema } from './owner.ts'
import { templatesIn } from './templates.ts'

/** Prefix of folders in which templates are made. */
export const making = '.making-'
/** Prefix of the files that say who makes one. */
export const locks = '.lock-'

export const reapFarm = async (folder: string, self: Owner): Promise<number> => {
  const killed = await reapProcesses(self.token)
  const clones = await reapFolders(join(folder, 'clones'), '', self.token)
  const freezes = await reapFolders(templatesIn(folder), making, self.token)
  await reapLocks(templatesIn(folder), self.token)
  // A dead clone mostly leaves both, or the folder alone.
  return Math.max(killed, clones + freezes)
}

const reapProcesses = async (token: string): Promise<number> => {
  const pids = (await readdir('/proc')).filter(name => /^\d+$/.test(name)).map(Number)
  const orphans = pids.filter(pid => {
    const owner = ownerOf(pid)
    return owner?.token === token && !isAlive(owner)
  })
  for (const pid of orphans) kill(pid)
  return orphans.length
}

const kill = (pid: number) => {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It went by itself.
  }
}

/** Templates that machines of living processes are made of, pools and other workers included. */
export const templatesInUse = async (folder: string): Promise<string[]> => {
  const clones = join(folder, 'clones')
  const names = await readdir(clones).catch((): string[] => [])
  const owners = await Promise.all(names.map(name => readOwner(join(clones, name))))
  return owners.flatMap(owner => (owner?.template && isAlive(owner) ? [owner.template] : []))
}

/** A folder that does not say whose it is: its maker died at once, or is about to say it. */
const unclaimedMs = 3_600_000

const reapFolders = async (within: string, prefix: string, token: string): Promise<number> => {
  const names = await readdir(within).catch((): string[] => [])
  let removed = 0
  for (const name of names.filter(name => name.startsWith(prefix))) {
    const folder = join(within, name)
    const owner = await readOwner(folder)
    const left = owner ? owner.token === token && !isAlive(owner) : (await age(folder)) > unclaimedMs
    if (!left) continue
    await rm(folder, { recursive: true, force: true })
    removed++
  }
  return removed
}

/** Of templates that nobody asked for again, and what a process that died while it took one has left. */
const reapLocks = async (within: string, token: string): Promise<void> => {
  const names = await readdir(within).catch((): string[] => [])
  for (const file of names.filter(name => name.startsWith(locks)).map(name => join(within, name))) {
    const owner = await parseOwner(file)
    if (owner ? owner.token === token : (await age(file)) > unclaimedMs) await removeStale(file)
  }
}

const age = async (folder: string): Promise<number> => {
  const found = await stat(folder).catch(() => undefined)
  return found ? Date.now() - found.mtimeMs : 0
}

const readOwner = (folder: string): Promise<Owner | undefined> => parseOwner(join(folder, 'owner.json'))

const parseOwner = async (file: string): Promise<Owner | undefined> => {
  try {
    return ownerSchema.parse(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return undefined
  }
}
