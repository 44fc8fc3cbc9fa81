// Mail that came back: noted before the bounce gets its final disposition; operators hear of addresses that died. Beside the flow.
import { sayStatus } from '../model/address.ts'
import { botProject, type Mail } from '../model/mail.ts'
import { type Bounced, bounce } from '../stages/bounce/bounce.ts'
import { openAlarm } from './alarm.ts'
import { sendAlert } from './alert.ts'
import { mailOutPorts } from './mail-out.ts'
import type { Wired } from './wire.ts'

const mayBeBounce = ({ project, parsed }: Mail): boolean =>
  project === botProject && parsed?.auto === 'bounce'

/** Repeatable: the same bounce counts once. */
export const noteBounce = async (wired: Wired, mail: Mail): Promise<void> => {
  if (!mayBeBounce(mail)) return
  const { neverSilent, ...ports } = mailOutPorts(wired)
  const found = await bounce({ ...ports, neverSilent })(await wired.blobs.get(mail.id))
  for (const one of found) {
    const { reply, address, status, forGood } = one
    wired.log('info', `a mail to ${address} came back${forGood ? '' : ' for now'}: ${status}`, {
      reply: reply.id,
    })
    if (forGood && (one.died || neverSilent.includes(address.toLowerCase()))) await tell(wired, one)
  }
}

const tell = async (wired: Wired, { reply, address, status, died }: Bounced): Promise<void> => {
  const what = `Mail to ${address} came back: ${sayStatus(status)}.`
  const then = died
    ? `It gets no more mail for 90 days. To end that: grapevine address clear ${address}`
    : `Mail goes on to be sent there, as it is a list's address or our own. See: grapevine reply show ${reply.id}`
  await openAlarm(wired, undefined).raise('mail-refused', address, `${what} ${then}`)
  if (reply.kind === 'alert') return
  await sendAlert(wired, {
    reason: `mail-bounced ${address}`,
    subject: `mail to ${address} comes back`,
    text: `${what}\n\n${then}`,
  })
}
