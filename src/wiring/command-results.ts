// Who asked for a test hears what came of it, also where the reply to the series goes to somebody else, or says nothing as nothing changed.
// Looked at by the sweep: that way no crash loses it.

import { isSilenced } from '../model/address.ts'
import type { Command } from '../model/command.ts'
import type { Series } from '../model/series.ts'
import { isAnswer, type Verdict } from '../model/verdict.ts'
import { sayFinding } from '../stages/reply/finding.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { oneLine } from '../text/clean.ts'
import { contentId } from '../text/digest.ts'
import { answerTo, replySubject, withinCaps, writeLetter } from './command-answer.ts'
import type { Wired } from './wire.ts'

/** A test that takes longer is found in the series' own thread. */
const memoryMs = 3 * 86_400_000

/** The newest of each sender and series: it asked for all that the others did. */
const askedFor = async ({ store, clock }: Wired): Promise<Command[]> => {
  const all = await store.commands({ at: 'done', since: clock.now() - memoryMs })
  const tests = all.filter(({ request }) => request.do === 'test' || request.do === 'retest')
  return [...new Map(tests.map(command => [`${command.series} ${command.sender}`, command])).values()]
}

/** Is the verdict of the round that was asked for, or of a later one? */
const answers = (verdict: Verdict, { state, round = 0 }: Series, command: Command): boolean => {
  if (state.at !== 'planned' || round < (command.round ?? 0)) return false
  return state.job === undefined ? (verdict.round ?? 0) >= round : verdict.job === state.job
}

/** The verdict that answers it; undefined: there is none yet, or the sender had it as the series' author. */
const newsFor = async ({ store }: Wired, command: Command, series: Series): Promise<Verdict | undefined> => {
  const verdict = await store.verdict(series.id)
  if (verdict === undefined || !isAnswer(verdict) || !answers(verdict, series, command)) return undefined
  const isAuthor = series.author.address.toLowerCase() === command.sender
  return isAuthor && verdict.told?.author !== false ? undefined : verdict
}

const tellOne = async (wired: Wired, command: Command): Promise<void> => {
  const { store, queue, clock } = wired
  const id = `a${contentId(23, command.id, 'result')}`
  const series = command.series === undefined ? undefined : await store.series(command.series)
  if (!series || (await store.reply(id))) return
  const verdict = await newsFor(wired, command, series)
  const mail = verdict && (await store.mail(command.mail, command.project))
  const to = mail && (await answerTo(wired, mail, undefined))
  const known = await store.address(command.sender)
  if (!verdict || !mail || !to || isSilenced(known, clock.now())) return
  const letter = writeLetter(wired, {
    ...{ id, kind: 'answer', to: [to], project: series.project, series, under: mail },
    subject: replySubject(mail),
    auto: 'auto-replied',
    template: 'answer-result',
    variables: {
      line: oneLine(command.line, 200),
      title: oneLine(series.title, 100),
      version: series.version,
      found: oneLine(sayFinding(verdict, series), 200),
      isSame: verdict.told?.silence?.kind === 'said',
    },
  })
  const reply = await withinCaps(wired, letter, [to])
  if ((await store.addReply(reply)) && reply.state.at === 'pending')
    await queue.push(pushes.reply(reply.id, 0))
}

/** Tells everybody who asked for a test that is over. Repeatable; each is told once. Faults: the store's. */
export const tellAskers = async (wired: Wired): Promise<void> => {
  for (const command of await askedFor(wired)) await tellOne(wired, command)
}
