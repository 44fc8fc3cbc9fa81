// What an operator's form says, as a deed: text of a browser, checked. Pure.
import { z } from 'zod'
import { duration } from '../../config/quantity.ts'
import { dayMs, type Instant } from '../../model/instant.ts'
import { bugAddress } from '../../stages/known/decide.ts'
import { oneLine } from '../../text/clean.ts'
import type { Amendment } from '../../wiring/incident-acts.ts'
import type { Deed } from '../../wiring/operate.ts'

/** Fields by name; of several alike, all. */
export type Fields = Record<string, string[]>

export type Said = { deed: Deed; reason: string } | { no: string; remedy: string }

class Unusable extends Error {
  readonly remedy: string
  constructor(message: string, remedy: string) {
    super(message)
    this.remedy = remedy
  }
}

const span = duration(1000, 366 * dayMs)
const date = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d)?)?Z?$/

/** `2 h` after `base`, or a date and time, which is UTC as on all pages. undefined: nothing was said. */
export const whenOf = (text: string, base: Instant): Instant | undefined => {
  const said = text.trim()
  if (said === '') return undefined
  const asSpan = span.safeParse(said)
  if (asSpan.success) return base + asSpan.data
  const [day, time = '00:00'] = said.replace(/Z$/, '').split(/[T ]/)
  const when = date.test(said) ? Date.parse(`${day}T${time}Z`) : Number.NaN
  if (Number.isNaN(when))
    throw new Unusable(
      `"${oneLine(said, 40)}" is neither a span nor a date and time`,
      'Write it like 2 h, 3 d or 2026-12-24 18:00.',
    )
  return when
}

const one = (fields: Fields, name: string): string => fields[name]?.[0]?.trim() ?? ''

/** Names in one field, apart by blanks or commas, or in several. */
const names = (fields: Fields, name: string): string[] =>
  (fields[name] ?? []).flatMap(text => text.split(/[\s,]+/)).filter(text => text !== '')

const needed = (fields: Fields, name: string, what: string): string => {
  const text = one(fields, name)
  if (text === '' || text.length > 300) throw new Unusable(`${what} is missing`, 'Fill it in.')
  return text
}

const choice = <T extends string>(text: string, choices: readonly T[]): T => {
  const found = z.enum(choices as [T, ...T[]]).safeParse(text)
  if (found.success) return found.data
  throw new Unusable(`"${oneLine(text, 40)}" is no choice here`, `There are: ${choices.join(', ')}.`)
}

const optional = (text: string): string | undefined => (text === '' ? undefined : text)

const onOf = (fields: Fields): Extract<Deed, { do: 'resume' }>['on'] => {
  const kind = choice(one(fields, 'on'), ['host', 'image', 'queue'])
  return kind === 'queue' ? { kind } : { kind, name: needed(fields, 'name', `the ${kind}`) }
}

const wordsOf = (fields: Fields): Amendment => {
  const severity = one(fields, 'severity')
  const texts = (['cause', 'doing', 'owner', 'detail'] as const).flatMap(name => {
    const text = one(fields, name)
    return text === '' ? [] : [[name, text] as const]
  })
  return {
    ...Object.fromEntries(texts),
    ...(severity === '' ? {} : { severity: choice(severity, ['minor', 'major']) }),
  }
}

const incidentDeed = (fields: Fields, reason: string): Deed => {
  const id = needed(fields, 'id', 'the incident')
  const what = choice(one(fields, 'decision'), ['amend', 'note', 'confirm', 'merge', 'resolve'])
  const base = { do: 'incident', id } as const
  switch (what) {
    case 'amend':
      return { ...base, decision: { do: 'amend', ...wordsOf(fields) } }
    case 'note':
      return { ...base, decision: { do: 'note', what: optional(one(fields, 'what')) ?? reason } }
    case 'confirm':
      return { ...base, decision: { do: 'confirm' } }
    case 'merge':
      return { ...base, decision: { do: 'merge', into: needed(fields, 'into', 'the other incident') } }
    case 'resolve': {
      const how = optional(one(fields, 'how')) ?? optional(reason)
      const real = one(fields, 'real') !== ''
      return { ...base, decision: { do: 'resolve', how, ...(real ? { real } : {}) } }
    }
  }
}

const knownDeed = (fields: Fields, reason: string): Deed => {
  const id = needed(fields, 'id', 'the known failure')
  const what = choice(one(fields, 'decision'), ['confirm', 'reject', 'retire', 'bug'])
  const said = one(fields, 'bug')
  const bug = said === '' ? undefined : bugAddress(said)
  if (said !== '' && bug === undefined)
    throw new Unusable(
      `"${oneLine(said, 80)}" is no address of a bug`,
      'Write it like https://bugs.example.org/123.',
    )
  if (what === 'confirm')
    return {
      do: 'known',
      id,
      decision: { do: what, bug, ...(one(fields, 'always') === '' ? {} : { always: true }) },
    }
  if (what !== 'bug') return { do: 'known', id, decision: { do: what, why: optional(reason) ?? 'by hand' } }
  if (bug === undefined) throw new Unusable('the bug is missing', 'Write its address.')
  return { do: 'known', id, decision: { do: what, bug } }
}

const planDeed = (fields: Fields, now: Instant): Deed => {
  const hosts = names(fields, 'hosts')
  if ((hosts.length === 0) === (one(fields, 'all') === ''))
    throw new Unusable('it is not clear what rests', 'Choose hosts, or the whole service.')
  const from = whenOf(needed(fields, 'from', 'its beginning'), now)
  const to = from === undefined ? undefined : whenOf(needed(fields, 'to', 'its end'), from)
  if (from === undefined || to === undefined) throw new Unusable('its time is missing', 'Fill it in.')
  return { do: 'plan-maintenance', hosts, from, to, repeat: optional(one(fields, 'repeat')) }
}

const windowId = (fields: Fields) => needed(fields, 'id', 'the maintenance')

const deeds: Record<Deed['do'], (fields: Fields, given: { now: Instant; reason: string }) => Deed> = {
  drain: (fields, { now }) => ({ do: 'drain', on: onOf(fields), until: whenOf(one(fields, 'until'), now) }),
  stop: (fields, { now }) => ({ do: 'stop', on: onOf(fields), until: whenOf(one(fields, 'until'), now) }),
  resume: fields => ({ do: 'resume', on: onOf(fields) }),
  cancel: fields => ({ do: 'cancel', id: needed(fields, 'id', 'what is to be cancelled') }),
  retest: fields => ({
    ...{ do: 'retest', series: needed(fields, 'series', 'the series'), images: names(fields, 'images') },
    against: optional(one(fields, 'against')),
  }),
  release: fields => ({ do: 'release', series: needed(fields, 'series', 'the series') }),
  power: fields => ({
    ...{ do: 'power', host: needed(fields, 'host', 'the host') },
    act: choice(one(fields, 'act'), ['on', 'off', 'cycle']),
    force: one(fields, 'force') !== '',
  }),
  'open-incident': fields => ({
    ...{ do: 'open-incident', about: needed(fields, 'about', 'what is wrong'), words: wordsOf(fields) },
    ...{ hosts: names(fields, 'hosts'), projects: names(fields, 'projects') },
  }),
  incident: (fields, { reason }) => incidentDeed(fields, reason),
  known: (fields, { reason }) => knownDeed(fields, reason),
  'plan-maintenance': (fields, { now }) => planDeed(fields, now),
  'move-maintenance': (fields, { now }) => {
    const from = whenOf(one(fields, 'from'), now)
    return { do: 'move-maintenance', id: windowId(fields), from, to: whenOf(one(fields, 'to'), from ?? now) }
  },
  'finish-maintenance': fields => ({
    ...{ do: 'finish-maintenance', id: windowId(fields), unproven: one(fields, 'unproven') !== '' },
  }),
  'cancel-maintenance': fields => ({
    ...{ do: 'cancel-maintenance', id: windowId(fields), whole: one(fields, 'whole') !== '' },
  }),
}

const isDeed = (name: string): name is Deed['do'] => Object.hasOwn(deeds, name)

/** `name`: which deed; times are said from `now` on. undefined: there is no such deed. */
export const deedOf = (name: string, fields: Fields, now: Instant): Said | undefined => {
  if (!isDeed(name)) return undefined
  const reason = one(fields, 'reason')
  try {
    return { deed: deeds[name](fields, { now, reason }), reason }
  } catch (error) {
    if (!(error instanceof Unusable)) throw error
    return { no: error.message, remedy: error.remedy }
  }
}
