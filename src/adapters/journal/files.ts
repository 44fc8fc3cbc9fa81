// The journal: what must be there while the database is away, as files in the bot's own folder. A file is kept beside to be given up when the
// disk is full, so that word of a full disk still leaves.
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import type { Incident } from '../../model/incident.ts'
import type { Notice } from '../../model/notice.ts'
import type { ReplyState } from '../../model/reply.ts'
import type { Journal, Standing } from '../../ports/journal.ts'
import type { Log } from '../../ports/log.ts'
import { errnoFault, errnoOf } from '../../text/errno.ts'
import { place, type Records, type Room, records, withRoom } from './records.ts'

/** Room for some dozen notices and all of their moves. */
const spareBytes = 1_048_576

const spareRoom = (folder: string): Room => {
  const path = join(folder, 'spare')
  // Looked for once; after that it is known.
  let isThere = false
  return {
    async giveUp() {
      isThere = false
      try {
        await unlink(path)
        return true
      } catch {
        return false
      }
    },
    async restore() {
      if (isThere) return
      try {
        isThere = await stat(path).then(
          () => true,
          () => false,
        )
        // Random: a file system that compresses would keep nothing free for zeros.
        isThere ||= await place(folder, {
          name: 'spare',
          text: randomBytes(spareBytes / 2).toString('hex'),
          replace: true,
        })
      } catch {
        // The disk is as good as full; what was to be written is written.
      }
    },
  }
}

/** Notices whose thread is over are kept so long. */
const keepMs = 180 * 86_400_000

const isLast = ({ nextWord, reply: { state } }: Notice): boolean =>
  nextWord === undefined && (state.at === 'sent' || state.at === 'failed')

/** Threads that ended long ago, so that the folder does not grow for ever. */
const forgetOld = async (notices: Records<Notice>, now: number): Promise<void> => {
  const threads = Map.groupBy(await notices.all(), one => JSON.stringify([one.of, one.to]))
  for (const thread of threads.values()) {
    const newest = thread.reduce((a, b) => (b.at >= a.at ? b : a))
    if (newest.at > now - keepMs || !isLast(newest)) continue
    for (const { id } of thread) await notices.drop(id)
  }
}

const isSame = (a: ReplyState, b: ReplyState): boolean =>
  a.at === b.at && ('tries' in a ? a.tries : 0) === ('tries' in b ? b.tries : 0)

/** Below `folder`, which is made when something is written. Any number of processes may use it at once. Faults: exhausted, refused, damaged. */
export const fileJournal = ({ folder, log = () => {} }: { folder: string; log?: Log }): Journal => {
  const room = spareRoom(folder)
  const notices = records<Notice>(join(folder, 'notices'), { room, log })
  const incidents = records<Incident>(join(folder, 'incidents'), { room, log })
  const standingFile = 'standing.json'
  return {
    async addNotice(notice) {
      const isNew = await notices.add(notice.id, notice)
      if (isNew) await forgetOld(notices, notice.at)
      return isNew
    },
    async notices() {
      return (await notices.all()).sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
    },
    notice: id => notices.get(id),
    async moveNotice(id, from, to) {
      let isMoved = false
      await notices.change(id, notice => {
        isMoved = isSame(notice.reply.state, from)
        return isMoved ? { ...notice, reply: { ...notice.reply, state: to } } : undefined
      })
      return isMoved
    },
    changeNotice: (id, how) => notices.change(id, how),
    incidents: () => incidents.all(),
    saveIncident: incident => incidents.save(incident.id, incident),
    dropIncident: id => incidents.drop(id),
    async saveStanding(standing) {
      try {
        await mkdir(folder, { recursive: true })
        const text = JSON.stringify(standing)
        await withRoom(room, () => place(folder, { name: standingFile, text, replace: true }))
      } catch (error) {
        throw errnoFault(error, 'journal', folder)
      }
    },
    async standing() {
      try {
        return JSON.parse(await readFile(join(folder, standingFile), 'utf8')) as Standing
      } catch (error) {
        // Half a file cannot be, as it is renamed into place; one that somebody damaged is written anew at the next round.
        if (errnoOf(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
        throw errnoFault(error, 'journal', folder)
      }
    },
  }
}
