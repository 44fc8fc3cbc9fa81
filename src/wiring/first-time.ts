// trust.firstTime: a series of somebody who never had one tested here waits for an operator. Looked at before each plan, so that no crash
// lets one through.

import type { Mail } from '../model/mail.ts'
import type { Reply } from '../model/reply.ts'
import { head, ownParts, type Series, type SeriesId } from '../model/series.ts'
import type { MailProof } from '../ports/mail-auth.ts'
import { pushes } from '../stages/upkeep/sweep.ts'
import { oneLine } from '../text/clean.ts'
import { contentId } from '../text/digest.ts'
import { replySubject, withinCaps, writeLetter } from './command-answer.ts'
import { reachOf } from './reachable.ts'
import type { Wired } from './wire.ts'

const none: MailProof = { dkim: [], aligned: false }

/** The signatures of the mail that a series begins with. */
export const headProof = async ({ store, blobs, mailAuth }: Wired, series: Series): Promise<MailProof> => {
  const first = head(series)
  const mail = first && (await store.mail(first.mail))
  // An author whom the list's rewriting hid is not proven by the list's signature.
  if (!mail || mail.parsed?.from?.address.toLowerCase() !== series.author.address.toLowerCase()) return none
  return mailAuth.verify(await blobs.get(mail.id))
}

/** So long a DNS that does not answer keeps a series from being planned; then an operator decides. */
const dnsPatienceMs = 10 * 60_000

/** Why an operator has to look at it, or that it is to be seen later; undefined: neither. */
const reasonToHold = async (
  wired: Wired,
  series: Series,
): Promise<{ hold: string } | { later: true } | undefined> => {
  const known = await wired.store.author(series.project, series.author.address)
  if (known === undefined) return { hold: 'its author never had a series tested here' }
  // A forge says who its accounts are, and who hands in a patch is logged in.
  if (series.origin.from !== 'mail') return undefined
  const { aligned } = known.signed ? await headProof(wired, series) : { aligned: true }
  if (aligned === true) return undefined
  if (aligned === 'unknown' && wired.clock.now() < series.lastAt + dnsPatienceMs) return { later: true }
  return { hold: 'it is not signed (DKIM), and its author’s mails were until now' }
}

/** Files by which a patch can change what is run, and how. */
const buildFiles =
  /(?:^|\/)(?:makefile[^/]*|gnumakefile|kbuild|kconfig[^/]*|cmakelists\.txt|meson[^/]*|configure[^/]*|[^/]+\.(?:mk|cmake|am|in|ac|m4|sh|bash|py|pl)|dockerfile|jenkinsfile|package\.json|build\.[^/]+)$|(?:^|\/)\.(?:github|gitlab|circleci|ci)|(?:^|\/)(?:ci|scripts|tools)\//i

type Extent = { files: string[]; added: number; removed: number; build: string[] }

const extentOf = (mails: (Mail | undefined)[]): Extent => {
  const changes = mails.flatMap(mail => mail?.patch?.files ?? [])
  const files = [...new Set(changes.map(({ before, after }) => after ?? before ?? ''))]
  return {
    files,
    added: changes.reduce((sum, { added }) => sum + added, 0),
    removed: changes.reduce((sum, { removed }) => sum + removed, 0),
    build: files.filter(file => buildFiles.test(file)),
  }
}

const shown = (files: string[], max: number): string[] => [
  ...files.slice(0, max).map(file => oneLine(file, 100)),
  ...(files.length > max ? [`… and ${files.length - max} more`] : []),
]

/** Who hears of it: operators with an address, else the administrator. */
const operatorsOf = ({ config }: Wired) => {
  const named = config.operators.filter(rule => !rule.startsWith('@') && rule.includes('@'))
  return named.length > 0 ? named.map(address => ({ name: '', address })) : [config.administrator]
}

const aboutOf = (series: Series) => ({
  title: oneLine(series.title, 100),
  author: oneLine(`${series.author.name} <${series.author.address}>`, 120),
  thing: series.total > 1 ? 'series' : 'patch',
  id: series.id,
})

/** What waits, and what one should look at in it. */
const alertOn = async (wired: Wired, series: Series, why: string): Promise<Reply> => {
  const mails = await Promise.all(ownParts(series).map(part => wired.store.mail(part.mail)))
  const { files, added, removed, build } = extentOf(mails)
  const about = aboutOf(series)
  const extent = { patches: series.parts.length, added, removed, count: files.length }
  return writeLetter(wired, {
    ...{ project: series.project, series, under: undefined, to: operatorsOf(wired) },
    id: `h${contentId(23, series.id, 'operators')}`,
    kind: 'alert',
    subject: `Held: ${about.title}`,
    auto: 'auto-generated',
    template: 'alert-held',
    variables: { ...about, why, ...extent, files: shown(files, 20), build: shown(build, 20) },
  })
}

const wordToAuthor = (wired: Wired, series: Series, under: Mail | undefined): Reply => {
  const about = aboutOf(series)
  return writeLetter(wired, {
    ...{ project: series.project, series, under, to: [series.author] },
    id: `h${contentId(23, series.id, 'author')}`,
    kind: 'answer',
    subject: under ? replySubject(under) : about.title,
    auto: 'auto-replied',
    template: 'answer-held',
    variables: about,
  })
}

/** Says to the operators what waits, and to its author that it does; each once for a series. */
const tell = async (wired: Wired, series: Series, why: string): Promise<void> => {
  const { store, queue } = wired
  const first = head(series)
  const under = first && (await store.mail(first.mail))
  // What the author may not be told by a reply, he is not told here either.
  const reachable = (await reachOf(wired, series, under)).author.may
  const letters = [
    await withinCaps(wired, await alertOn(wired, series, why), operatorsOf(wired)),
    ...(reachable ? [await withinCaps(wired, wordToAuthor(wired, series, under), [series.author])] : []),
  ]
  for (const letter of letters)
    if ((await store.addReply(letter)) && letter.state.at === 'pending')
      await queue.push(pushes.reply(letter.id, 0))
}

/**
 * Holds a complete series if its project wants that. true: it waits. Call it in turn, before planning. Repeatable: what is said is said once.
 * Also notes who is known: whoever is planned for. Faults: those of the store and the blobs.
 */
export const heldForOperator = async (wired: Wired, id: SeriesId): Promise<boolean> => {
  const { store, clock, log } = wired
  const series = await store.series(id)
  if (series === undefined || series.state.at !== 'complete') return false
  // What an operator hands in an operator has looked at.
  if (series.origin.from === 'hand' && series.origin.by === undefined) return false
  const { firstTime } = wired.project(series.project).trust
  const { address } = series.author
  if (firstTime === 'run') {
    await store.addAuthor(series.project, { address, at: clock.now(), signed: false })
    return false
  }
  const isThrough = series.parts.every(part => series.released?.includes(part.mail))
  const reason = isThrough ? undefined : await reasonToHold(wired, series)
  if (reason === undefined) {
    const signed = (await headProof(wired, series)).aligned === true
    await store.addAuthor(series.project, { address, at: clock.now(), signed })
    return false
  }
  // The sweep comes back to it.
  if ('later' in reason) return true
  const why = reason.hold
  await tell(wired, series, why)
  await store.saveSeries([{ ...series, state: { at: 'held', why } }])
  log('info', `held for an operator: ${why}`, { series: series.id, title: series.title })
  return true
}
