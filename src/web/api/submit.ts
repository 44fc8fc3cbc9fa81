// Patches handed in by the API: the bytes as git format-patch writes them, on their way through the same flow as the list's mail.
import { createRoute, z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import type { ProjectConfig } from '../../config/config.ts'
import type { Role } from '../../model/access.ts'
import { Fault } from '../../model/fault.ts'
import type { Mail } from '../../model/mail.ts'
import type { Wish } from '../../model/series.ts'
import { ref } from '../../text/command.ts'
import { authorsIn, type HandedIn, handIn, isSubmission, withMailsIn } from '../../wiring/hand-in.ts'
import { audited } from '../../wiring/operate.ts'
import type { Wired } from '../../wiring/wire.ts'
import type { WebParts } from '../parts.ts'
import { submitLimits } from '../submit/asked.ts'
import { type Api, openApi, problems, word } from './open.ts'
import { Refused } from './problem.ts'
import { allow } from './token.ts'

const query = z.object({
  project: word,
  images: z.string().max(1000).optional().openapi({ description: 'Only on these, separated by commas.' }),
  base: z.string().regex(ref).optional().openapi({ description: 'A branch, tag or commit.' }),
})

const taken = z
  .object({
    mails: z.array(
      z.object({
        id: z.string(),
        messageId: z.string().nullable(),
        became: z.enum(['taken', 'known', 'not-a-patch']),
        series: z.string().nullable().openapi({ description: 'null: not assembled yet.' }),
      }),
    ),
  })
  .openapi('Submission')

const bytes = { schema: z.string().openapi({ format: 'binary' }) }

const route = createRoute({
  ...{ method: 'post', path: '/submissions', tags: ['Series'], operationId: 'submit' },
  summary: 'Hand in patches, as git format-patch --stdout writes them',
  description: `Needs a token with the scope submit. Repeatable: what is known already is not tested twice; ask again with the same bytes to hear of its series, some seconds later. Up to ${submitLimits.bytes >> 20} MiB and ${submitLimits.mails} mails; their authors are answered. Where series of new authors wait for an operator, those of a token without the scope operate do as well.`,
  security: [{ token: [] }],
  request: {
    query,
    body: { required: true, content: { 'application/mbox': bytes, 'message/rfc822': bytes } },
  },
  responses: {
    202: { description: 'What became of each mail.', content: { 'application/json': { schema: taken } } },
    ...problems(400, 401, 403, 404, 413, 415, 422),
  },
})

const types = ['application/mbox', 'message/rfc822', 'text/plain', 'application/octet-stream']

const tooLarge = (): never => {
  throw new Refused(413, `Up to ${submitLimits.bytes >> 20} MiB are taken.`)
}

const wishOf = (
  { images, base }: { images?: string | undefined; base?: string | undefined },
  { recipe }: ProjectConfig,
): Wish | undefined => {
  const names = (images ?? '').split(',').flatMap(name => (name.trim() === '' ? [] : [name.trim()]))
  const stranger = names.find(name => !recipe.test.images.includes(name))
  if (stranger !== undefined)
    throw new Refused(422, `There is no such image; there are: ${recipe.test.images.join(', ')}.`)
  const wish = {
    ...(names.length === 0 ? {} : { images: names }),
    ...(base === undefined ? {} : { against: base }),
  }
  return Object.keys(wish).length === 0 ? undefined : wish
}

const nothing = 'It holds nothing that could be tested. What git format-patch --stdout writes is taken.'

const take = (
  wired: Wired,
  { body, project, wish, by }: { body: Uint8Array; project: string; wish: Wish | undefined; by: Role },
): Promise<HandedIn> =>
  withMailsIn(body, { now: wired.clock.now(), by }, async source => {
    const authors = await authorsIn(source, submitLimits.mails)
    if (authors.length > submitLimits.mails)
      throw new Refused(422, `Up to ${submitLimits.mails} mails are taken at once.`)
    if (authors.every(author => author === undefined)) throw new Refused(422, nothing)
    return handIn(wired, { project, source, wish })
  }).catch(error => {
    // What somebody sent is no mailbox: that is theirs to know, not ours to mend.
    if (error instanceof Fault && error.kind === 'malformed') throw new Refused(422, nothing)
    throw error
  })

/** The mail that is tested: of one that came before, in other bytes or by the list, the first. */
const testedOf = async ({ store }: Wired, mail: Mail): Promise<Mail> =>
  mail.disposition.kind === 'duplicate'
    ? ((await store.mail(mail.disposition.of, mail.project)) ?? mail)
    : mail

const told = async (wired: Wired, { fresh, known }: HandedIn): Promise<z.infer<typeof taken>> => ({
  mails: await Promise.all(
    [...fresh, ...known].map(async mail => {
      const { disposition } = await testedOf(wired, mail)
      const series = 'series' in disposition ? (disposition.series ?? null) : null
      const became = known.includes(mail) ? 'known' : isSubmission(mail) ? 'taken' : 'not-a-patch'
      return { id: mail.id, messageId: mail.parsed?.messageId ?? null, became, series }
    }),
  ),
})

export const submitApi = (parts: WebParts): Api => {
  const api = openApi(parts)
  api.openAPIRegistry.registerPath(route)
  api.post('/submissions', async (c, next) => {
    allow(c.get('token'), 'submit')
    await next()
  })
  api.post('/submissions', bodyLimit({ maxSize: submitLimits.bytes, onError: tooLarge }), async c => {
    const token = allow(c.get('token'), 'submit')
    const asked = query.safeParse(c.req.query())
    if (!asked.success)
      throw new Refused(400, 'Say ?project=NAME, and base and images as described: see /api.')
    const type = (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
    if (!types.includes(type)) throw new Refused(415, `These types are taken: ${types.join(', ')}.`)
    const project = parts.config.projects.find(({ name }) => name === asked.data.project)
    if (!project) throw new Refused(404, 'There is no project of that name: see /api/v1/projects.')
    const wish = wishOf(asked.data, project)
    const body = new Uint8Array(await c.req.arrayBuffer())
    const wired = await parts.wired()
    const by = token.scopes.includes('operate') ? 'operator' : 'submitter'
    const who = `token ${token.name} (${token.by})`
    const about = `project ${project.name}`
    const came = await audited(wired, { who, by: 'api', what: 'hand in', about, reason: '' }, async () => ({
      ...{ did: 'handed in', mails: await take(wired, { body, project: project.name, wish, by }) },
    }))
    return c.json(await told(wired, came.mails), 202)
  })
  return api
}
