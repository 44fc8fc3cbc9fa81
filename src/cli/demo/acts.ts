// The demo's course: the first act's mail, then upstream moves on and more mail comes, then it is over. What has been reached is noted
// in the data folder, so that a demo that was cut off goes on where it was.
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { mailsId, makeDemo, moveOn } from '../../../examples/demo/make-mailbox.ts'
import type { Config } from '../../config/config.ts'
import { Fault } from '../../model/fault.ts'

export type Act = 'first' | 'second' | 'over'

const noteFile = (config: Config) => join(config.data, 'demo.json')

type Note = { act: Act; mails?: string }

const readNote = async (config: Config): Promise<Note | undefined> => {
  const text = await readFile(noteFile(config), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as Note)
}

export const note = async (config: Config, act: Act): Promise<void> =>
  writeFile(noteFile(config), `${JSON.stringify({ act, mails: await mailsId() } satisfies Note)}\n`)

/** Only a folder that a demo made, or that is empty, is ever removed. */
const removeLast = async (config: Config): Promise<void> => {
  const there = await stat(config.data).catch(() => undefined)
  if (!there) return
  if (
    (await readNote(config)) === undefined &&
    (await stat(join(config.data, 'grapevine.sqlite')).catch(() => undefined))
  )
    throw new Fault('refused', 'never', `${config.data} holds data that no demo made`, {
      remedy: 'unset GRAPEVINE_DATA, or name an empty folder',
    })
  await rm(config.data, { recursive: true })
}

const inputFolder = (config: Config): string => dirname(config.projects[0]?.recipe.repository ?? config.data)

/** The act to go on with. `again`: forget an unfinished one; so is one that had other mails, of another version. */
export const openDemo = async (
  config: Config,
  { again }: { again: boolean },
): Promise<{ act: Act; last: 'over' | 'goes on' | 'was another' }> => {
  const before = await readNote(config)
  const isOpen = before !== undefined && before.act !== 'over' && !again
  const isSame = before?.mails === (await mailsId())
  if (isOpen && isSame) return { act: before.act, last: 'goes on' }
  await removeLast(config)
  await mkdir(config.data, { recursive: true })
  await makeDemo({ folder: inputFolder(config) })
  await note(config, 'first')
  return { act: 'first', last: isOpen ? 'was another' : 'over' }
}

/** Upstream's branch moves, and the second act's mail arrives. Can be done again after a crash. */
export const secondAct = async (config: Config): Promise<void> => {
  await moveOn({ folder: inputFolder(config) })
  await note(config, 'second')
}
