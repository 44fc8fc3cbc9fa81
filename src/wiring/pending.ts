// What is still to be done, counted from the store alone: nothing pending means that every mail has its answer.
import type { Store } from '../ports/store.ts'
import { currentJobs } from '../stages/upkeep/sweep.ts'

export type Pending = { mails: number; series: number; jobs: number; replies: number }

export const pending = async (store: Store, project?: string): Promise<Pending> => {
  const mails = await store.mailKeys({ kind: 'new', ...(project === undefined ? {} : { project }) })
  const commands = await store.commands({ at: 'received', ...(project === undefined ? {} : { project }) })
  const collecting = await store.seriesIn({ at: 'collecting' })
  const complete = await store.seriesIn({ at: 'complete' })
  const jobs = await currentJobs(store)
  const replies = [...(await store.repliesAt('pending')), ...(await store.repliesAt('sending'))]
  return {
    mails: mails.length + commands.length,
    series: collecting.length + complete.length,
    jobs: jobs.length,
    replies: replies.length,
  }
}

export const isQuiet = (left: Pending): boolean => Object.values(left).every(count => count === 0)

/** For people who wait: `2 mails to sort, 3 series to test`. */
export const sayPending = (left: Pending): string => {
  const parts = [
    left.mails > 0 ? `${left.mails} mails to sort` : '',
    left.series > 0 ? `${left.series} series to collect or plan` : '',
    left.jobs > 0 ? `${left.jobs} series to test and judge` : '',
    left.replies > 0 ? `${left.replies} replies to send` : '',
  ]
  return parts.filter(part => part !== '').join(', ')
}
