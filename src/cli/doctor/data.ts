// The doctor's look at the folders where things are kept: rights, room, and the way to the embedded Redis.
import { access, constants, statfs } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Config } from '../../config/config.ts'
import { bad, type Check, fine } from './check.ts'

const deadlineMs = 15_000
/** Images, a template or two and some logs; under it disks run full in the middle of a run. */
const wantedGiB = 5
/** Bytes: a clone or two. */
const wantedUsable = 1024 ** 3

/** The nearest folder above a path that exists; the path itself if it does. */
const existing = async (path: string): Promise<string> => {
  const there = await access(path).then(
    () => true,
    () => false,
  )
  return there || dirname(path) === path ? path : existing(dirname(path))
}

const askFolder = async (folder: string) => {
  const place = await existing(folder)
  const writable = await access(place, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
  if (!writable)
    return bad(
      `${place} may not be written`,
      `Make the folder ${folder} and give it to the user that runs this.`,
    )
  const { bavail, bsize } = await statfs(place)
  const free = (bavail * bsize) / 1024 ** 3
  const says = `${folder}, ${free.toFixed(1)} GiB free`
  return free >= wantedGiB ? fine(says) : bad(says, `Make room: ${wantedGiB} GiB should be free on its disk.`)
}

const askSocket = async (config: Config) => {
  const { socketPath } = await import('../../adapters/redis/socket-path.ts')
  return fine(socketPath(join(config.data, 'redis')))
}

/** What the farm may still take of its disk: what is under the reserve counts as gone. */
const askFarm = async ({ farm }: Config) => {
  const found = await askFolder(farm.data)
  if (!found.ok) return found
  const { lookAtRoom } = await import('../../farm/storage/room.ts')
  const { sizeText } = await import('../../farm/storage/usage.ts')
  const { usable, reserve } = await lookAtRoom({ folder: farm.data, reserveMiB: farm.reserveMiB })
  const says = `${found.says}, ${sizeText(reserve)} of it reserve`
  if (usable >= wantedUsable) return fine(says)
  return bad(says, 'Make room: grapevine farm show; or lower farm.reserve')
}

export const dataChecks = (config: Config): Check[] => [
  { name: 'data folder', deadlineMs, ask: () => askFolder(config.data) },
  { name: 'farm folder', deadlineMs, ask: () => askFarm(config) },
  ...(config.redisUrl === undefined
    ? [{ name: 'redis socket', deadlineMs, ask: () => askSocket(config) }]
    : []),
]
