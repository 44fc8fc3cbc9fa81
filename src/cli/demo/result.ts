// The demo's last page: what became of every series, checked against what the mails were written for.
import { type Expectation, expectations } from '../../../examples/demo/expectations.ts'
import type { Disposition } from '../../model/mail.ts'
import type { Series } from '../../model/series.ts'
import type { Store } from '../../ports/store.ts'
import { table } from '../table.ts'

const wasRun = async (store: Store, series: Series): Promise<string> => {
  const jobs = await store.jobsOf(series.id)
  const tasks = (await Promise.all(jobs.map(job => store.tasksOf(job.id)))).flat()
  const ran = tasks.filter(task => task.state.at === 'done')
  const times = new Map<string, number>()
  for (const task of ran) {
    const name = task.kind === 'build' ? 'build' : task.image
    times.set(name, (times.get(name) ?? 0) + (task.state.at === 'done' ? task.state.attempts : 0))
  }
  const words = [...times].map(([name, count]) => (count > 1 ? `${name} ×${count}` : name))
  return words.join(', ') || '–'
}

const replyTo = async (store: Store, series: Series): Promise<string> => {
  const replies = await store.repliesOf(series.id)
  return replies.map(reply => reply.mail.to.map(one => one.address).join(', ')).join('; ') || '–'
}

const cut = (text: string, width: number) => (text.length > width ? `${text.slice(0, width - 1)}…` : text)

/** Series → what was run → verdict → reply. */
export const resultTable = async (store: Store): Promise<string> => {
  const rows: string[][] = [['series', 'what was run', 'verdict', 'reply to']]
  for (const series of await store.seriesIn({})) {
    const verdict = await store.verdict(series.id)
    const version = series.version > 1 ? ` (v${series.version})` : ''
    rows.push([
      cut(`${series.title}${version}`, 46),
      await wasRun(store, series),
      verdict?.finding.kind ?? series.state.at,
      await replyTo(store, series),
    ])
  }
  return table(rows)
}

/** Patches that cannot be used have their place in a series, too. */
const isPart = (is: Disposition): boolean =>
  is.kind === 'cover' || ('position' in is && is.position !== undefined)

/** The other mails: no series, no reply. */
export const otherMails = async (store: Store): Promise<string> => {
  const mails = await store.mails({})
  const others = mails.filter(mail => !isPart(mail.disposition))
  const why = (mail: (typeof mails)[number]) => ('why' in mail.disposition ? mail.disposition.why : '')
  const rows = others.map(mail => [
    cut(mail.parsed?.subject ?? '(unreadable)', 46),
    mail.disposition.kind,
    why(mail),
  ])
  return table([['other mails', 'taken as', 'because'], ...rows])
}

const differs = async (store: Store, expected: Expectation): Promise<string | undefined> => {
  if (expected.messageId === undefined) return undefined
  const [mail] = await store.mailsByMessageId(expected.messageId)
  const found = mail?.disposition
  if (found?.kind !== expected.disposition)
    return `${expected.mail} is ${found?.kind ?? 'not there'}, not ${expected.disposition}`
  if (expected.finding === undefined || !('series' in found)) return undefined
  const verdict = await store.verdict(found.series)
  if (verdict?.finding.kind !== expected.finding) {
    return `${expected.mail}: ${verdict?.finding.kind ?? 'no verdict'}, not ${expected.finding}`
  }
  const failing = verdict.images.filter(image => image.kind === 'new-failures').map(image => image.image)
  const wanted = expected.failing ?? []
  return failing.sort().join() === [...wanted].sort().join()
    ? undefined
    : `${expected.mail}: fails on ${failing.join(', ') || 'no image'}`
}

/** How the outcome differs from what the mails were written for; empty if it does not. */
export const surprises = async (store: Store): Promise<string[]> => {
  const found = await Promise.all(expectations.map(expected => differs(store, expected)))
  return found.filter(line => line !== undefined)
}

/** How many mails each act brings. */
export const mailsIn = (act: 'first' | 'second'): number =>
  expectations.filter(expected => act === 'second' || !expected.later).length
