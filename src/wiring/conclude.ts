// A verdict becomes known: it is saved together with the reply that says it, and the reply is queued.
import { isAnswer, isCancelled, type Verdict } from '../model/verdict.ts'
import { answered, composeReply } from '../stages/reply/compose.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import type { Wired } from './wire.ts'

/** A path for each log of a verdict, by series and image. */
const namedLogs = async ({ blobs, logs }: Wired, verdict: Verdict): Promise<(blob: string) => string> => {
  const wanted: [string, string | undefined][] = [
    ['build.log', verdict.buildLog],
    ...verdict.images.map(({ image, log }): [string, string | undefined] => [`${image}.log`, log]),
  ]
  const paths = new Map<string, string>()
  for (const [name, blob] of wanted) {
    if (blob === undefined) continue
    const where = blobs.where(blob)
    // A convenience: no verdict waits for a name.
    paths.set(blob, await logs.link([verdict.series, name], where).catch(() => where))
  }
  return blob => paths.get(blob) ?? blobs.where(blob)
}

/** Repeatable: the first verdict on a job stays, and so does its reply. Of a series that was cancelled nothing is said any more. */
export const conclude = async (wired: Wired, given: Verdict): Promise<void> => {
  const { store, queue, config, clock, log } = wired
  const series = await store.series(given.series)
  if (!series) return
  const said = await store.verdict(series.id)
  const verdict = said && isCancelled(said, series) ? { ...given, images: [], finding: said.finding } : given
  if (!isAnswer(verdict)) {
    if (await store.addVerdict(verdict, undefined))
      log('info', `cancelled: ${series.title}`, { series: series.id })
    return
  }
  const job = verdict.job === undefined ? undefined : await store.job(verdict.job)
  const project = wired.project(series.project)
  const part = answered(series, verdict)
  const subject = part && (await store.mail(part.mail))?.parsed?.subject
  const reply = composeReply({
    verdict,
    series,
    job,
    project,
    bot: config.bot,
    administrator: config.administrator,
    live: config.mail.live,
    logUrl: await namedLogs(wired, verdict),
    now: clock.now(),
    ...(subject === undefined ? {} : { subject }),
  })
  const isNew = await store.addVerdict(verdict, reply)
  if (isNew) log('info', `verdict: ${verdict.finding.kind}`, { series: series.id, title: series.title })
  await queue.push(pushes.reply(reply.id, 0))
}
