// What operators do, as a request says it: checked by its description, done by operate().
import { z } from '@hono/zod-openapi'
import { bugAddress } from '../../stages/known/decide.ts'
import type { Deed } from '../../wiring/operate.ts'
import { word } from './open.ts'

const text = z.string().max(500)
const until = z.iso
  .datetime({ offset: true })
  .transform(at => Date.parse(at))
  .openapi({ type: 'string', format: 'date-time' })
const names = z.array(word).max(100)
const bug = z
  .string()
  .max(500)
  .refine(address => bugAddress(address) !== undefined, 'an http or https address that people can open')
  .openapi({ format: 'uri' })

const on = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.enum(['host', 'image']), name: word }),
    z.object({ kind: z.literal('queue') }),
  ])
  .openapi({ description: 'A host, an image, or the whole queue.' })

const severity = z.enum(['minor', 'major'])

const incidentWords = {
  ...{ cause: text.optional(), doing: text.optional(), severity: severity.optional() },
  ...{ owner: text.optional(), detail: text.optional() },
}

const incidentDecision = z.discriminatedUnion('do', [
  z.object({ do: z.literal('amend'), ...incidentWords }),
  z.object({ do: z.literal('note'), what: text }),
  z.object({ do: z.literal('confirm') }),
  z.object({ do: z.literal('merge'), into: word }),
  z.object({ do: z.literal('resolve'), how: text.optional(), real: z.boolean().optional() }),
])

const knownDecision = z.discriminatedUnion('do', [
  z.object({ do: z.literal('confirm'), bug: bug.optional(), always: z.boolean().optional() }),
  z.object({ do: z.literal('reject'), why: text }),
  z.object({ do: z.literal('retire'), why: text }),
  z.object({ do: z.literal('bug'), bug }),
])

const deed = z.discriminatedUnion('do', [
  z.object({ do: z.enum(['drain', 'stop']), on, until: until.optional() }),
  z.object({ do: z.literal('resume'), on }),
  z.object({ do: z.literal('cancel'), id: word }).openapi({ description: 'A series, a job or a task.' }),
  z.object({ do: z.literal('retest'), series: word, images: names.optional(), against: word.optional() }),
  z.object({ do: z.literal('release'), series: word }),
  z.object({
    ...{ do: z.literal('power'), host: word, act: z.enum(['on', 'off', 'cycle']) },
    force: z.boolean().optional(),
  }),
  z.object({
    ...{ do: z.literal('open-incident'), about: z.string().min(1).max(120) },
    ...{ words: z.object(incidentWords).optional(), hosts: names.optional(), projects: names.optional() },
  }),
  z.object({ do: z.literal('incident'), id: word, decision: incidentDecision }),
  z.object({ do: z.literal('known'), id: word, decision: knownDecision }),
  z.object({
    ...{ do: z.literal('plan-maintenance'), hosts: names, from: until, to: until },
    repeat: z.string().max(200).optional(),
  }),
  z.object({ do: z.literal('move-maintenance'), id: word, from: until.optional(), to: until.optional() }),
  z.object({ do: z.literal('finish-maintenance'), id: word, unproven: z.boolean().optional() }),
  z.object({ do: z.literal('cancel-maintenance'), id: word, whole: z.boolean().optional() }),
])

export const operation = z
  .object({
    deed,
    reason: z.string().trim().max(500).default('').openapi({
      description:
        'Why; others will read it. What has words of its own (incident, known, open-incident) needs none.',
    }),
  })
  .openapi('Operation')

/** Without the fields that were not given. */
export const deedOf = (given: z.infer<typeof deed>): Deed => withoutGaps(given) as Deed

const withoutGaps = (value: unknown): unknown => {
  if (Array.isArray(value) || value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => (inner === undefined ? [] : [[key, withoutGaps(inner)]])),
  )
}
