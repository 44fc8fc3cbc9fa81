// The one place where a stored mail is looked at for what it says to the bot itself. Before assembly, which gives patches their place; the
// mail's final disposition comes after all that is noted, so that the sweep finds what a crash lost.
import { Fault } from '../model/fault.ts'
import { botProject, type Mail, type MailId } from '../model/mail.ts'
import type { Push } from '../ports/queue.ts'
import { noteCommands } from '../stages/command/note.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { noteBounce } from './bounces.ts'
import type { Wired } from './wire.ts'

/** Are there commands? Where the raw bytes are gone, what they said to the bot is, and the mail keeps nobody waiting. */
const note = async (wired: Wired, mail: Mail): Promise<boolean> => {
  try {
    await noteBounce(wired, mail)
    return await noteCommands(wired)(mail, wired.config.bot)
  } catch (error) {
    if (!(error instanceof Fault) || error.kind !== 'damaged') throw error
    wired.log('error', `what a mail says to the bot cannot be read: ${error.message}`, { mail: mail.id })
    return false
  }
}

/** Notes what a mail says to the bot. Returns what is to be queued once the mail has its place. Repeatable. Faults: store, blobs. */
export const handleMail = async (wired: Wired, project: string, id: MailId): Promise<Push[]> => {
  const { store } = wired
  const mail = await store.mail(id, project)
  if (mail === undefined) return []
  const commands = await note(wired, mail)
  // Of a list's mail, assemble has the last word: it may be in the thread of a series.
  if (project === botProject && mail.decided !== undefined && mail.disposition.kind === 'new')
    await store.setDisposition(project, id, mail.decided)
  return commands ? [pushes.command(project, id)] : []
}
