// Which images' tasks this host takes: those that it has, and that fit into it. Looked up again and again, as images are built and go bad.
import type { Config } from '../config/config.ts'
import { loadImage } from '../farm/image/manifest.ts'
import { Fault } from '../model/fault.ts'
import { needOf, type Room } from '../model/room.ts'
import type { Log } from '../ports/log.ts'

/** What a guest of each image takes. */
export type Served = ReadonlyMap<string, Room>

/** All that the guests of a host may have together. */
export const roomOf = ({ farm }: Pick<Config, 'farm'>): Room => ({
  slots: farm.slots,
  memoryMiB: farm.memoryMiB,
})

type Image = Config['farm']['images'][number]

/** Why not, in words. */
const whyNot = async (config: Config, image: Image): Promise<string | undefined> => {
  if (!needOf(image, roomOf(config)))
    return `its guests have ${image.memoryMiB} MiB, and all guests together may have ${config.farm.memoryMiB} MiB (farm.memory)`
  // What a domain needs is libvirt's to know.
  if (image.kind === 'libvirt') return undefined
  try {
    await loadImage(config.farm.data, image.name)
    return undefined
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    return error.remedy === undefined ? error.message : `${error.message}. Remedy: ${error.remedy}`
  }
}

/** Says in one line each what is lacking of what recipes name, and when it is there. */
export const imageWatch = (config: Config, log: Log): (() => Promise<Served>) => {
  const named = new Set(config.projects.flatMap(({ recipe }) => [recipe.build.image, ...recipe.test.images]))
  const lacking = new Map<string, string>()
  const tell = (name: string, why: string | undefined) => {
    const before = lacking.get(name)
    if (why === before) return
    if (why === undefined) {
      lacking.delete(name)
      log('info', `image ${name} is there now: its tasks are taken`)
    } else {
      lacking.set(name, why)
      log('warn', `no tasks of image ${name} are taken: ${why}`)
    }
  }
  return async () => {
    const served = new Map<string, Room>()
    for (const image of config.farm.images) {
      const why = await whyNot(config, image)
      if (named.has(image.name)) tell(image.name, why)
      const need = needOf(image, roomOf(config))
      if (why === undefined && need) served.set(image.name, need)
    }
    return served
  }
}
