// The bounce stage: a mail that came back → what is known of an address. Beside the flow; nobody is ever answered.
import { isSilenced, type KnownAddress, withFailure } from '../../model/address.ts'
import type { MessageId } from '../../model/mail.ts'
import type { OutgoingMail, Reply } from '../../model/reply.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Store } from '../../ports/store.ts'
import { type Dsn, parseDsn } from '../../text/dsn.ts'

export type BouncePorts = {
  store: Store
  clock: Clock
  /** In lower case: lists, whose subscribers' failures look like theirs, and our own. */
  neverSilent: string[]
}

/** A mail of ours that did not reach an address. */
export type Bounced = {
  reply: Reply
  address: string
  status: string
  forGood: boolean
  /** The address gets no mail any more, as of now. */
  died: boolean
}

/** One failure for good of an address. Returns what is known then, and whether it died by this. Repeatable. */
export const noteFailure =
  ({ store, clock, neverSilent }: BouncePorts) =>
  async (given: {
    address: string
    status: string
    mail: MessageId
  }): Promise<{ known: KnownAddress | undefined; died: boolean }> => {
    const { address, status, mail } = given
    if (neverSilent.includes(address.toLowerCase())) return { known: undefined, died: false }
    const now = clock.now()
    let before = false
    const known = await store.changeAddress(address, was => {
      before = isSilenced(was, now)
      return withFailure(was, { mail, at: now, status })
    })
    return { known, died: !before && isSilenced(known, now) }
  }

/** Which mails of ours it speaks of, for whom, and how bad it is. Whatever it says of mails that we did not send there counts for nothing. */
export const bounce =
  (ports: BouncePorts) =>
  async (raw: Buffer): Promise<Bounced[]> => {
    const dsn = await parseDsn(raw)
    const found: Bounced[] = []
    for (const id of dsn.messageIds) {
      const reply = await ports.store.replyByMessageId(id)
      if (reply === undefined || !wasSent(reply)) continue
      for (const { address, status, forGood } of failuresOf(dsn, reply.mail)) {
        const { died } = forGood
          ? await noteFailure(ports)({ address, status, mail: reply.mail.messageId })
          : { died: false }
        found.push({ reply, address, status, forGood, died })
      }
    }
    return found
  }

const wasSent = ({ state }: Reply): boolean =>
  state.at !== 'failed' && !(state.at === 'pending' && state.tries === 0)

type FailureOf = Pick<Bounced, 'address' | 'status' | 'forGood'>

const failuresOf = (dsn: Dsn, { to, cc }: OutgoingMail): FailureOf[] => {
  const ours = new Map([...to, ...cc].map(({ address }) => [address.toLowerCase(), address]))
  if (dsn.recipients.length === 0) return byText(dsn, ours)
  const told = dsn.recipients.filter(({ action }) => action !== 'other')
  return told.flatMap(({ addresses, action, status }) => {
    const address = addresses.map(one => ours.get(one)).find(one => one !== undefined)
    return address === undefined ? [] : [{ address, status, forGood: isForGood(action, status) }]
  })
}

const isForGood = (action: 'failed' | 'delayed' | 'other', status: string): boolean =>
  action === 'failed' && status.startsWith('5')

/** Without a status part: the recipients of ours that the text names, if it tells of a failure at all. */
const byText = ({ mentioned, textStatus }: Dsn, ours: Map<string, string>): FailureOf[] =>
  textStatus === undefined
    ? []
    : mentioned.flatMap(one => {
        const address = ours.get(one)
        return address === undefined
          ? []
          : [{ address, status: textStatus, forGood: textStatus.startsWith('5') }]
      })
