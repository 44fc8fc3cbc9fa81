// A verdict becomes known: who hears of it is decided, it is saved together with the reply that says it, and the reply is queued.
import { decide } from '../model/policy.ts'
import type { Reply } from '../model/reply.ts'
import { untold } from '../model/sameness.ts'
import type { Series } from '../model/series.ts'
import { isAnswer, isCancelled, type Verdict, verdictKey, wasTold } from '../model/verdict.ts'
import { answered, composeReply, replyId, threadOf } from '../stages/reply/compose.ts'
import { lineOf } from '../stages/reply/digest.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { withSince } from './bases.ts'
import { tellBugs } from './bug-results.ts'
import { noteKnown } from './known.ts'
import { namedLogs, pageAddress } from './named-logs.ts'
import { countSent, keptBack, tellCapped } from './outbox.ts'
import { reachOf } from './reachable.ts'
import { turns, type Wired } from './wire.ts'

/** The newest verdict on an older version; a version that was replaced before it had one is passed over. */
const previousVerdict = async (
  { store }: Wired,
  series: Series,
): Promise<{ verdict: Verdict; version: number } | undefined> => {
  let versions = await store.seriesReplacedBy(series.id)
  for (let steps = 0; steps < 20; steps++) {
    const last = versions.filter(({ version }) => version < series.version).at(-1)
    if (last === undefined) return undefined
    const verdict = await store.verdict(last.id)
    if (verdict && isAnswer(verdict)) return { verdict, version: last.version }
    versions = [...versions.slice(0, versions.indexOf(last)), ...(await store.seriesReplacedBy(last.id))]
  }
  return undefined
}

/** The first reply of this version that is on its way, or got out: what follows stands under it. */
const firstReply = async ({ store }: Wired, series: Series): Promise<Reply | undefined> =>
  (await store.repliesOf(series.id)).find(({ kind, state }) => kind === 'verdict' && state.at !== 'failed')

/** As it is said: without the patches in the middle that do not build of which somebody heard already. */
const withoutTold = ({ unbuildable, ...verdict }: Verdict, earlier: Verdict[]): Verdict => {
  const news = untold({ unbuildable }, earlier)
  return news.length === 0 ? verdict : { ...verdict, unbuildable: news }
}

type Case = { verdict: Verdict; series: Series; earlier: Verdict[] }

/** What is to be saved: the verdict with who heard of it, the reply if anybody did or would have, and the line of a digest. */
const prepare = async (wired: Wired, { verdict, series, earlier }: Case) => {
  const { store, config, clock } = wired
  const project = wired.project(series.project)
  const part = answered(series, verdict)
  const mail = part && (await store.mail(part.mail))
  const under = earlier.some(wasTold) ? (await firstReply(wired, series))?.mail : undefined
  const reachable = await reachOf(wired, series, mail)
  const thread = threadOf(series, verdict, { ancestors: mail?.parsed?.ancestors, under })
  const sent = await countSent(wired, { thread, author: reachable.address?.address, kind: 'verdict' })
  const previous = await previousVerdict(wired, series)
  const decision = decide({
    ...{ verdict, earlier, sent, caps: config.mail.caps, rules: project.reply, previous },
    ...{ author: reachable.author, list: reachable.list, inAnswer: mail?.tags?.reply === true },
  })
  const { told, follows, over } = decision
  const logUrl = await namedLogs(wired, verdict)
  const now = clock.now()
  const said = withoutTold(verdict, [...earlier, ...(previous ? [previous.verdict] : [])])
  const hears = over && !told.author && !told.list ? over : told
  const { bot, administrator } = config
  const reply =
    hears.author || hears.list
      ? composeReply({
          ...{ verdict: said, series, project, bot, administrator, live: config.mail.live, logUrl, now },
          job: verdict.job === undefined ? undefined : await store.job(verdict.job),
          hears: { author: hears.author ? reachable.address : undefined, list: hears.list },
          ...(mail?.parsed ? { mail: mail.parsed } : {}),
          ...(config.web.url === undefined ? {} : { seriesUrl: pageAddress(config.web.url, series.id) }),
          ...(follows ? { follows: { verdict: follows, under } } : {}),
        })
      : undefined
  if (over && hears === told && reply) await tellCapped(wired, { about: reply.mail.subject, why: over.why })
  return {
    verdict: { ...verdict, told },
    reply:
      reply && over && hears === over
        ? await keptBack(wired, reply, { about: `reply to ${reply.mail.subject}`, why: over.why })
        : reply,
    line: told.digest ? lineOf({ id: replyId(verdict), verdict: said, series, logUrl, now }) : undefined,
  }
}

const inOrder = new WeakMap<Wired['store'], Wired['inTurn']>()

/** One after another: each must see what the one before has said, and how much mail has left. */
const oneByOne = <T>({ store }: Wired, act: () => Promise<T>): Promise<T> => {
  const turn = inOrder.get(store) ?? turns()
  inOrder.set(store, turn)
  return turn(act)
}

/**
 * Repeatable: the first verdict on a job stays, and so does its reply; a crash between any two steps gives the same single reply. Of a series
 * that was cancelled nothing is said any more.
 */
export const conclude = (wired: Wired, given: Verdict): Promise<void> =>
  oneByOne(wired, () => concludeOne(wired, given))

const concludeOne = async (wired: Wired, given: Verdict): Promise<void> => {
  const { store, queue, log } = wired
  const series = await store.series(given.series)
  if (!series) return
  const all = await store.verdictsOf(series.id)
  const last = all.at(-1)
  const verdict = last && isCancelled(last, series) ? { ...given, images: [], finding: last.finding } : given
  if (!isAnswer(verdict)) {
    if (await store.addVerdict(verdict, undefined))
      log('info', `cancelled: ${series.title}`, { series: series.id })
    return
  }
  // It was decided already who hears of this one; only the way into the queue may have been cut off.
  const isKnown = all.some(one => verdictKey(one) === verdictKey(verdict))
  if (!isKnown) {
    await noteKnown(store, { project: series.project, verdict })
    await save(wired, { verdict, series, earlier: all })
  }
  const reply = await store.reply(replyId(verdict))
  if (reply?.state.at === 'pending' && reply.state.tries === 0) await queue.push(pushes.reply(reply.id, 0))
  await tellBugs(wired, series, verdict)
}

const save = async (wired: Wired, given: Case): Promise<void> => {
  const { series } = given
  const known = await withSince(wired, given.verdict, wired.project(series.project))
  const { verdict, reply, line } = await prepare(wired, { ...given, verdict: known })
  if (!(await wired.store.addVerdict(verdict, reply, line))) return
  wired.log('info', `verdict: ${verdict.finding.kind}`, { series: series.id, title: series.title })
  const { silence } = verdict.told
  if (silence) wired.log('info', `${sayHeard(verdict.told)}: ${silence.why}`, { series: series.id })
}

const sayHeard = ({ author, list, digest }: { author: boolean; list: boolean; digest: boolean }): string =>
  author || list || digest ? 'not everybody was told' : 'nobody was told'
