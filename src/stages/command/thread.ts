// Which series a mail is about: the one that it is a part of, or the nearest in its thread, be it by a mail of ours.
import { botProject, type Mail, type MessageId } from '../../model/mail.ts'
import type { Series } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'

/** The newest; whoever writes more of them did not get there by replying. */
const maxAncestors = 50

const seriesIdOf = ({ disposition }: Mail): string | undefined =>
  'series' in disposition ? disposition.series : undefined

/** What is known of one mail of a thread. */
const placeOf = async (
  store: Store,
  messageId: MessageId,
  project: string,
): Promise<{ isOurs: boolean; series: string | undefined }> => {
  const own = await store.replyByMessageId(messageId)
  if (own) return { isOurs: true, series: own.series }
  const mails = await store.mailsByMessageId(messageId, project === botProject ? undefined : project)
  const series = mails.map(seriesIdOf).find(id => id !== undefined)
  return { isOurs: false, series }
}

export type Thread = {
  /** A mail of ours, or of a series, is in it. */
  isOurs: boolean
  series: Series | undefined
}

/** Looks up a mail's thread, from the mail itself upwards. */
export const threadOf = async (store: Store, mail: Mail): Promise<Thread> => {
  const { messageId, ancestors = [] } = mail.parsed ?? {}
  const ids = [...(messageId === undefined ? [] : [messageId]), ...ancestors.slice(0, maxAncestors)]
  let isOurs = false
  for (const id of ids) {
    const place = await placeOf(store, id, mail.project)
    isOurs ||= place.isOurs
    const series = place.series === undefined ? undefined : await store.series(place.series)
    if (series) return { isOurs: true, series }
  }
  return { isOurs, series: undefined }
}
