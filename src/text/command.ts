// From the text of a mail to the commands in it: `/grapevine test on debian`, on a line of its own, in what the sender wrote.
import leven, { closestMatch } from 'leven'
import type { Request } from '../model/command.ts'
import { cutEnd } from './cut-end.ts'

export type Found = { line: string; request: Request }

/** Lines further down are not looked at. */
const maxLines = 5000
const maxLineLength = 1000
const maxWords = 40

/** Could there be a command in it? Cheap, for every mail. */
export const mayCommand = (text: string): boolean => /^[\ufeff\u200b]*\/grapevine/im.test(text)

// Not what the sender wrote: signatures (RFC 3676 §4.3), footers of Mailman, Google Groups, groups.io and LISTSERV, forwarded mails, diffs.
const ends: RegExp[] = [
  /^-- ?$/,
  /^_{20,}$/,
  /^(?:-=){8,}-?$/,
  /^#{20,}$/,
  /^you received this message because you are subscribed to/i,
  /^-{4,} ?(?:original message|forwarded message|ursprüngliche nachricht|weitergeleitete nachricht|message d'origine|mensaje original)\b/i,
  /^begin forwarded message:/i,
  /^diff --git /,
  /^index: \S/i,
  /^-----BEGIN PGP SIGNATURE-----$/,
]

/** Outlook and mailparser write the headers of a quoted or forwarded mail without any mark. */
const isQuotedHead = (lines: string[], at: number, isFirst: boolean): boolean => {
  if (!/^(?:From|Von|De): \S/.test(lines[at] ?? '')) return false
  const below = lines.slice(at + 1, at + 5)
  // git's headers in the body (From:, Subject:, Date:) stand at the top of a patch, and name no recipient.
  return below.some(line =>
    (isFirst
      ? /^(?:Sent|To|Gesendet|An|Envoyé|À|Enviado|Para): /
      : /^(?:Sent|To|Date|Subject|Gesendet|An|Datum|Betreff|Envoyé|À|Objet|Enviado|Para|Asunto): /
    ).test(line),
  )
}

const isDiffHead = (lines: string[], at: number): boolean =>
  /^--- \S/.test(lines[at] ?? '') && /^\+\+\+ \S/.test(lines[at + 1] ?? '')

/** The lines that the sender wrote for people: up to the first thing that is something else, without code blocks. */
const ownLines = (text: string): string[] => {
  const lines = text.split('\n', maxLines).map(line => line.slice(0, maxLineLength).trimEnd())
  const own: string[] = []
  let isFirst = true
  let fence: string | undefined
  for (const [at, line] of lines.entries()) {
    if (line !== '') {
      // The RFC's separator has a space at its end, which was cut off here and in some mails on their way.
      if (ends.some(end => end.test(line)) || isQuotedHead(lines, at, isFirst) || isDiffHead(lines, at)) break
      isFirst = false
    }
    const mark = /^ {0,3}(`{3,}|~{3,})/.exec(line)?.[1]
    if (fence !== undefined) {
      if (mark?.startsWith(fence)) fence = undefined
      continue
    }
    // A fence that nobody closes is none.
    if (mark !== undefined && lines.slice(at + 1).some(other => other.trimStart().startsWith(mark))) {
      fence = mark
      continue
    }
    own.push(line)
  }
  return own
}

const zeroWidth = /[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad]/g
const wide = /[\s\u00a0\u2000-\u200a\u202f\u205f\u3000]+/g

/** What stands behind `/grapevine`; undefined: the line is no command. `/grapevine: test`, `/grapevine-test` and `/grapevine test:` are taken as well. */
const commandOf = (line: string): string | undefined => {
  const plain = line.replace(zeroWidth, '').replace(wide, ' ').trimEnd()
  const rest = /^\/grapevine(?:$|[-:\s]+(.*)$)/i.exec(plain)
  return rest === null ? undefined : (rest[1] ?? '').trim()
}

/** Name of a branch, tag or commit that people may ask for. */
export const ref = /^[\p{L}\p{N}_][\p{L}\p{N}_./+-]{0,199}$/u
const name = /^[a-z0-9][a-z0-9._-]{0,99}$/i

/** Every verb, with how it is written. */
export const usages = {
  test: '/grapevine test [on IMAGE…] [against BRANCH]',
  retest: '/grapevine retest',
  cancel: '/grapevine cancel',
  status: '/grapevine status',
  help: '/grapevine help',
  unsubscribe: '/grapevine unsubscribe',
  subscribe: '/grapevine subscribe',
  pause: '/grapevine pause',
  resume: '/grapevine resume [HOST]',
  drain: '/grapevine drain HOST',
  release: '/grapevine release [SERIES]',
  notice: '/grapevine notice TEXT',
  confirm: '/grapevine confirm TOKEN',
  track: '/grapevine track [BUG]',
  untrack: '/grapevine untrack',
  known: '/grapevine known list',
  incident: '/grapevine incident list',
} as const

/** What stands behind `known`. */
export const knownUsages = {
  list: usages.known,
  confirm: '/grapevine known confirm ID BUG-ADDRESS',
  reject: '/grapevine known reject ID',
} as const

/** What stands behind `incident`. */
export const incidentUsages = {
  list: usages.incident,
  show: '/grapevine incident show [ID]',
  open: '/grapevine incident open TEXT',
  amend: '/grapevine incident amend ID cause|doing|severity|owner|detail TEXT',
  note: '/grapevine incident note ID TEXT',
  confirm: '/grapevine incident confirm [ID]',
  merge: '/grapevine incident merge ID INTO-ID',
  resolve: '/grapevine incident resolve ID TEXT',
  real: '/grapevine incident real [ID]',
} as const

type Verb = keyof typeof usages

const verbs = Object.keys(usages) as Verb[]
const isVerb = (word: string): word is Verb => verbs.some(verb => verb === word)

const unknown = (why: string, nearest: string): Request => ({ do: 'unknown', why, nearest })
const wrong = (verb: Verb, why: string): Request => unknown(why, usages[verb])

/** Longest text of a notice. */
const maxNotice = 500
const maxTextWords = 300

type Clause = { images: string[]; against: string[]; stray: string[] }

/** Words behind `test`, by the preposition that they stand behind. */
const clauses = (words: string[]): Clause => {
  const found: Clause = { images: [], against: [], stray: [] }
  let into: string[] = found.stray
  for (const word of words) {
    const key = word.toLowerCase()
    if (key === 'on') into = found.images
    else if (key === 'against') into = found.against
    else if (!(into === found.images && key === 'and')) into.push(word)
  }
  return found
}

/** The line that was meant by names without a preposition. */
const readAsImages = ({ images, against, stray }: Clause): string => {
  const all = [...stray, ...images].map(word => word.replace(/,$/, ''))
  if (!all.every(word => name.test(word))) return usages.test
  const base = against[0] !== undefined && ref.test(against[0]) ? ` against ${against[0]}` : ''
  return `/grapevine test on ${all.slice(0, 5).join(' ')}${base}`
}

const readTest = (words: string[]): Request => {
  const found = clauses(words)
  const { images, against, stray } = found
  const named = images.flatMap(word => word.split(',')).filter(word => word !== '')
  const [base, ...more] = against
  const last = words.at(-1)?.toLowerCase()
  if (stray.length > 0) return unknown(`"${stray[0]}" is not clear`, readAsImages(found))
  if (last === 'on' || last === 'against') return wrong('test', `a name is missing behind "${last}"`)
  if (more.length > 0) return wrong('test', 'only one branch or commit can be named')
  if (base !== undefined && (!ref.test(base) || base.includes('..')))
    return wrong('test', `"${base}" is no name of a branch or commit`)
  const bad = named.find(word => !name.test(word))
  if (bad !== undefined) return wrong('test', `"${bad}" is no name of an image`)
  const unique = [...new Set(named.map(word => word.toLowerCase()))]
  return { do: 'test', images: unique, ...(base === undefined ? {} : { against: base }) }
}

/** Numbers, addresses, and what GitHub calls them. */
const bugName = /^(?:#?\d{1,10}|https?:\/\/[^\s<>"]{1,400})$/i

const readTrack = (words: string[]): Request => {
  const [bug, ...more] = addressesOf(words.filter(word => word.toLowerCase() !== 'bug'))
  if (more.length > 0) return wrong('track', `"${more[0]}" is too much`)
  if (bug === undefined) return { do: 'track' }
  return bugName.test(bug) ? { do: 'track', bug } : wrong('track', `"${bug}" is no bug`)
}

/** The word that is needed, or allowed, behind a verb. */
const oneWord = (verb: 'drain' | 'resume' | 'release' | 'confirm', words: string[]): Request => {
  const [given, ...more] = words
  if (given === undefined)
    return verb === 'resume' || verb === 'release' ? { do: verb } : wrong(verb, 'a name is missing behind it')
  if (more.length > 0) return wrong(verb, `"${more[0]}" is too much`)
  if (!name.test(given)) return wrong(verb, `"${given}" is no name`)
  switch (verb) {
    case 'drain':
    case 'resume':
      return { do: verb, host: given }
    case 'release':
      return { do: verb, series: given }
    case 'confirm':
      return { do: verb, token: given }
  }
}

type KnownVerb = keyof typeof knownUsages
const isKnownVerb = (word: string): word is KnownVerb => Object.keys(knownUsages).includes(word)

/** As a mail program may have written it: in brackets, or twice. */
const addressesOf = (words: string[]): string[] => [
  ...new Set(words.map(word => word.replace(/^<([^<>]*)>$/, '$1'))),
]

const readKnown = ([first = '', ...more]: string[]): Request => {
  const what = verbOf(first) || 'list'
  if (!isKnownVerb(what)) {
    const close = closestMatch(what.slice(0, 40), Object.keys(knownUsages), { maxDistance: 3 })
    const usage = close !== undefined && isKnownVerb(close) ? knownUsages[close] : usages.known
    return unknown(`there is no command "known ${what.slice(0, 40)}"`, usage)
  }
  if (what === 'list')
    return more.length > 0 ? unknown(`"${more[0]}" is too much`, knownUsages.list) : { do: 'known', what }
  const [id, ...rest] = more
  const usage = knownUsages[what]
  if (id === undefined) return unknown('the id of a known failure is missing', usage)
  if (!/^k[0-9a-f]{1,15}$/i.test(id)) return unknown(`"${id}" is no id of a known failure`, usage)
  const [bug, ...stray] = addressesOf(rest)
  if (what === 'reject')
    return bug === undefined ? { do: 'known', what, id } : unknown(`"${bug}" is too much`, usage)
  if (stray.length > 0) return unknown(`"${stray[0]}" is too much`, usage)
  return { do: 'known', what, id, ...(bug === undefined ? {} : { bug }) }
}

type IncidentVerb = keyof typeof incidentUsages
const isIncidentVerb = (word: string): word is IncidentVerb => Object.keys(incidentUsages).includes(word)

/** `text`: what is left of the line, for those who say something. */
const incidentRequest = (what: Exclude<IncidentVerb, 'list' | 'open'>, words: string[]): Request => {
  const usage = incidentUsages[what]
  const [id, second, ...more] = words
  const isOfThread = what === 'show' || what === 'confirm' || what === 'real'
  if (id === undefined)
    return isOfThread ? { do: 'incident', what } : unknown('the id of an incident is missing', usage)
  if (!isIncidentId(id)) return unknown(`"${id}" is no id of an incident`, usage)
  if (what === 'note' || what === 'resolve')
    return withText({ do: 'incident', what, id }, words.slice(1), usage)
  if (what === 'amend')
    return second === undefined
      ? unknown('what is to be changed is missing', usage)
      : withText({ do: 'incident', what, id, field: verbOf(second) }, more, usage)
  if (what === 'merge') {
    if (second === undefined) return unknown('the id of the other incident is missing', usage)
    if (!isIncidentId(second)) return unknown(`"${second}" is no id of an incident`, usage)
    return more.length > 0
      ? unknown(`"${more[0]}" is too much`, usage)
      : { do: 'incident', what, id, into: second }
  }
  return second === undefined ? { do: 'incident', what, id } : unknown(`"${second}" is too much`, usage)
}

const isIncidentId = (word: string): boolean => /^i[0-9a-f]{1,15}$/i.test(word)

type WithText = Extract<Request, { do: 'incident'; text: string }>
type Untold<T> = T extends unknown ? Omit<T, 'text'> : never

const withText = (request: Untold<WithText>, words: string[], usage: string): Request => {
  const text = words.join(' ')
  if (text === '') return unknown('the text is missing', usage)
  return text.length > maxNotice
    ? unknown(`the text is longer than ${maxNotice} characters`, usage)
    : ({ ...request, text } as WithText)
}

const readIncident = ([first = '', ...more]: string[]): Request => {
  const what = verbOf(first) || 'list'
  if (!isIncidentVerb(what)) {
    const close = closestMatch(what.slice(0, 40), Object.keys(incidentUsages), { maxDistance: 3 })
    const usage = close !== undefined && isIncidentVerb(close) ? incidentUsages[close] : usages.incident
    return unknown(`there is no command "incident ${what.slice(0, 40)}"`, usage)
  }
  if (what === 'open') return withText({ do: 'incident', what }, more, incidentUsages.open)
  if (what !== 'list') return incidentRequest(what, more)
  return more.length > 0 ? unknown(`"${more[0]}" is too much`, usages.incident) : { do: 'incident', what }
}

const nearest = (word: string): string => {
  const close = closestMatch(word, verbs, { maxDistance: 3 })
  return close !== undefined && leven(word, close) < Math.max(word.length, 3)
    ? usages[close as Verb]
    : usages.help
}

const verbOf = (word: string): string => cutEnd(word.toLowerCase(), ':.,')

/** What a command asks for; `unknown` where it is none, or not complete. */
export const readCommand = (command: string): Request => {
  const [first = '', ...more] = cutEnd(command, '.,;!?')
    .split(' ')
    .filter(word => word !== '')
  const verb = verbOf(first)
  if (verb === '') return { do: 'help' }
  if (!isVerb(verb)) return unknown(`there is no command "${verb.slice(0, 40)}"`, nearest(verb.slice(0, 40)))
  const words = more.slice(0, maxWords)
  switch (verb) {
    case 'test':
      return readTest(words)
    case 'drain':
    case 'resume':
    case 'release':
    case 'confirm':
      return oneWord(verb, words)
    case 'known':
      return readKnown(words)
    case 'track':
      return readTrack(words)
    case 'incident':
      // A text may have more words than any other command.
      return readIncident(more.slice(0, maxTextWords))
    case 'notice': {
      const text = command.slice(command.indexOf(' ') + 1).trim()
      if (words.length === 0) return wrong('notice', 'the text is missing')
      return text.length > maxNotice
        ? wrong('notice', `the text is longer than ${maxNotice} characters`)
        : { do: 'notice', text }
    }
    default:
      return words.length > 0 ? wrong(verb, `"${words[0]}" is too much`) : { do: verb }
  }
}

const shown = (line: string): string => line.slice(0, 200).toWellFormed()

/**
 * All commands in a text, in order. The text is what a reader sees of the mail: decoded, without attachments.
 * Not commands: what is quoted or indented, and what stands in a code block, in or behind a diff, or behind a signature, a list's footer or
 * the head of a forwarded mail.
 */
export const findCommands = (text: string): Found[] => {
  if (!mayCommand(text)) return []
  const lines = ownLines(text.replace(/\r\n?/g, '\n'))
  return lines.flatMap((line, at) => {
    const command = commandOf(line)
    if (command === undefined) return []
    // Programs that break long lines leave the first word alone.
    const below = command === '' ? (lines[at + 1] ?? '') : ''
    const whole = isVerb(verbOf(below.split(/\s/, 1)[0] ?? '')) ? below.replace(wide, ' ') : command
    return [{ line: shown(whole === command ? line : `${line} ${whole}`), request: readCommand(whole) }]
  })
}
