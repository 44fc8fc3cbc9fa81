// Room on the disk: what writes much asks here before it starts, so that nothing of the farm's ever touches the reserve or fills the disk.
import type { Stats } from 'node:fs'
import { stat, statfs } from 'node:fs/promises'
import { Fault } from '../../model/fault.ts'
import type { Alarm } from '../../model/incident.ts'
import { findPrunable, type Prunable, removePrunable } from './prunable.ts'
import { diskOf, diskUsage, existing, sizeText } from './usage.ts'

/** A folder of the farm's, and what is known of its disk. */
export type RoomPlace = {
  /** Absolute: farm.data, or the folder of the back-ups. It need not exist yet. */
  folder: string
  /** undefined: 10 % of the disk, but at most 5 GiB. */
  reserveMiB?: number | undefined
  /** The farm whose useless files are removed before anything is refused; undefined: nothing is. */
  prune?: { farm: string; inUse?: () => Promise<Iterable<string>> } | undefined
  alarm?: Alarm | undefined
  log?: ((line: string) => void) | undefined
}

export type Need = {
  /** For people: `freezing debian`. */
  what: string
  bytes: number
  /** An existing folder that will hold them. The room is promised as long as it is there by that name; what is written into it counts.
   *  undefined: nothing is promised. */
  into?: string
  /** Work stands still without it: a refusal opens an incident. */
  vital?: boolean
}

export type Look = {
  folder: string
  total: number
  free: number
  reserve: number
  /** Promised to what runs in this process, and not yet written. */
  promised: number
  /** What may still be used; 0 if the reserve is touched. */
  usable: number
}

const GiB = 2 ** 30

export const reserveOf = (total: number, reserveMiB?: number): number =>
  reserveMiB === undefined ? Math.min(total / 10, 5 * GiB) : reserveMiB * 2 ** 20

type Given = { disk: number; bytes: number; into: string; mark: string }

/** Of this process, whichever farm it is for: two that begin at once must not both be given the same room. */
const given = new Set<Given>()

/** Another folder of the same name and place is another one. */
const markOf = ({ ino, birthtimeMs }: Stats): string => `${ino} ${birthtimeMs}`

const promisedOn = async (disk: number): Promise<number> => {
  let sum = 0
  for (const one of given) {
    const there = await stat(one.into).catch(() => undefined)
    if (!there || markOf(there) !== one.mark) given.delete(one)
    else if (one.disk === disk) sum += Math.max(0, one.bytes - (await diskUsage(one.into)))
  }
  return sum
}

/** How much room there is now. */
export const lookAtRoom = async ({ folder, reserveMiB }: RoomPlace): Promise<Look> => {
  const { blocks, bavail, bsize } = await statfs(await existing(folder))
  const [total, free] = [blocks * bsize, bavail * bsize]
  const reserve = reserveOf(total, reserveMiB)
  const promised = await promisedOn(await diskOf(folder))
  return { folder, total, free, reserve, promised, usable: Math.max(0, free - reserve - promised) }
}

let turn: Promise<unknown> = Promise.resolve()

/** One after another: each sees what was promised to the one before. */
const inTurn = <T>(act: () => Promise<T>): Promise<T> => {
  const mine = turn.then(act, act)
  turn = mine.catch(() => {})
  return mine
}

/** Promises the room, or throws Fault exhausted (later) that says what is missing and how to make room. Useless files of the farm
 *  are removed before it refuses. */
export const requireRoom = (place: RoomPlace, need: Need): Promise<void> =>
  inTurn(async () => {
    let look = await lookAtRoom(place)
    if (look.usable < need.bytes && (await pruneFor(place, need.bytes - look.usable)))
      look = await lookAtRoom(place)
    if (look.usable < need.bytes) {
      const fault = await refusal(place, need, look)
      if (need.vital) await refused(place, need, fault)
      throw fault
    }
    if (need.into === undefined) return
    const found = await stat(need.into)
    given.add({ disk: found.dev, mark: markOf(found), bytes: need.bytes, into: need.into })
  })

const prunableOf = async ({ folder, prune }: RoomPlace): Promise<Prunable[]> => {
  if (!prune || (await diskOf(prune.farm)) !== (await diskOf(folder))) return []
  return await findPrunable(prune.farm, await prune.inUse?.())
}

/** As much as is missing, useless things first. True if anything was removed. */
const pruneFor = async (place: RoomPlace, missing: number): Promise<boolean> => {
  let left = missing
  for (const one of await prunableOf(place)) {
    if (left <= 0) break
    place.log?.(`to make room, ${one.kind} ${one.name} is removed (${sizeText(one.bytes)}): ${one.why}`)
    await removePrunable(one)
    left -= one.bytes
  }
  return left < missing
}

const refusal = async (place: RoomPlace, need: Need, look: Look): Promise<Fault> => {
  const { free, reserve, promised, usable } = look
  const missing = sizeText(need.bytes - usable + Math.max(0, reserve + promised - free))
  const promise = promised > 0 ? `, ${sizeText(promised)} are promised to what runs` : ''
  const message =
    `${need.what} needs ${sizeText(need.bytes)} on the disk of ${place.folder}: ${sizeText(free)} are free, ` +
    `${sizeText(reserve)} are the reserve${promise}; ${missing} are missing`
  const left = await prunableOf(place)
  const sum = left.reduce((bytes, one) => bytes + one.bytes, 0)
  const prune = sum > 0 ? `grapevine farm prune frees ${sizeText(sum)}; ` : ''
  return new Fault('exhausted', 'later', message, {
    remedy: `${prune}see what takes the room: grapevine farm show; or remove old back-ups (grapevine backup prune), lower farm.reserve, or move farm.data to a larger disk`,
  })
}

/** What was told last of each folder: undefined: nothing yet; 0: there is room; else the bytes that must fit until it is over. */
const lacking = new Map<string, number>()

const refused = async (place: RoomPlace, need: Need, { message }: Fault): Promise<void> => {
  lacking.set(place.folder, need.bytes)
  await place.alarm?.raise('disk-reserve', place.folder, message)
}

/** Is there, as far as was told, too little room? */
export const lacksRoom = (folder: string): boolean => (lacking.get(folder) ?? 0) > 0

/** Opens the incident `disk-reserve` if the reserve is touched, and closes it when there is room again. */
export const watchRoom = async (place: RoomPlace): Promise<Look> => {
  const look = await lookAtRoom(place)
  const { folder, free, reserve, usable } = look
  const says = `${sizeText(free)} are free on the disk of ${folder}, the reserve is ${sizeText(reserve)}`
  const wanted = lacking.get(folder)
  if (free < reserve) {
    lacking.set(folder, wanted || 1)
    await place.alarm?.raise('disk-reserve', folder, `${says}: make room (grapevine farm show)`)
  } else if (wanted !== 0 && usable >= (wanted ?? 0)) {
    lacking.set(folder, 0)
    await place.alarm?.clear('disk-reserve', folder, says)
  }
  return look
}
