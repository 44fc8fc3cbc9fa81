// Once a day for each project that wants it: what was tested since the last digest, in one mail to the list. Beside the flow, called by the sweep.

import { isSilenced } from '../model/address.ts'
import { lastDue } from '../model/instant.ts'
import { composeDigest } from '../stages/reply/digest.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { countSent, tellCapped } from './outbox.ts'
import type { Wired } from './wire.ts'

type Ports = Pick<Wired, 'store' | 'queue' | 'config' | 'clock' | 'log'>
type Project = Ports['config']['projects'][number]

const sendOne = async (ports: Ports, project: Project): Promise<void> => {
  const { store, queue, config, clock, log } = ports
  const now = clock.now()
  const { at, day } = lastDue(now, project.reply.digestAt)
  const lines = await store.digestLines({ project: project.name, before: at })
  if (lines.length === 0) return
  const known = await store.address(project.list.address)
  if (config.mail.live && isSilenced(known, now)) return
  const { administrator, bot } = config
  const reply = composeDigest({ project, lines, day, bot, administrator, live: config.mail.live, now })
  // What came too late for one that has left waits for the next.
  if (await store.reply(reply.id)) return
  const { total } = await countSent(ports, { thread: undefined, author: undefined, kind: 'digest' })
  if (total >= config.mail.caps.total) {
    // Nothing is lost: the lines wait until there is room.
    const why = `${total} mails have left in 24 hours, which is the cap`
    return tellCapped(ports, { about: `digest of ${project.name}`, why })
  }
  const ids = lines.map(({ id }) => id)
  if (!(await store.addDigest(reply, ids))) return
  log('info', `digest of ${project.name} for ${day}: ${lines.length} series`, { reply: reply.id })
  await queue.push(pushes.reply(reply.id, 0))
}

/** Sends what is due; harmless at any time, and after a crash at any point nothing leaves twice. An empty day gives no mail. */
export const sendDigests = async (ports: Ports): Promise<void> => {
  for (const project of ports.config.projects)
    if (project.reply.list === 'digest') await sendOne(ports, project)
}
