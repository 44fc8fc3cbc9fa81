// Patches that are handed in here, by who may: pasted or as a file, for chosen images and against a base of one's own.
import { Hono } from 'hono'
import { Fault } from '../../model/fault.ts'
import type { Disposition, Mail } from '../../model/mail.ts'
import { oneLine } from '../../text/clean.ts'
import { authorsIn, handIn, isSubmission, withMailsIn } from '../../wiring/hand-in.ts'
import { audited } from '../../wiring/operate.ts'
import type { Wired } from '../../wiring/wire.ts'
import { requireRole } from '../access/guard.ts'
import { limit } from '../access/limits.ts'
import { missing, page, trouble } from '../layout.ts'
import { seriesPath } from '../links.ts'
import type { Asked as Context, Env, Pages, WebParts } from '../parts.ts'
import { type Asked, readForm, submitLimits, wrongAuthors } from './asked.ts'
import { becameBody, formBody, waitBody } from './markup.ts'

const projectsOf = ({ config }: WebParts) => config.projects

const words: Partial<Record<Disposition['kind'], string>> = {
  duplicate: 'the same patch came before',
  conflict: 'another patch with the same Message-ID came before',
  'not-a-patch': 'it is no patch that could be tested',
  unreadable: 'it cannot be read as a mail',
  automatic: 'it says that a program sent it by itself',
  own: 'it is one of our own mails',
  comment: 'it is no patch, but an answer in the thread of one',
}

/** The series that a mail is in, as far as is known. */
const seriesOf = ({ disposition }: Mail): string | undefined =>
  'series' in disposition ? disposition.series : undefined

type Again = { why?: string; text?: string; base?: string; images?: string[] | undefined }

const form = (
  c: Context,
  parts: WebParts,
  { project: named, ...again }: Again & { project?: string | undefined } = {},
) => {
  const projects = projectsOf(parts)
  const project = projects.find(({ name }) => name === named) ?? projects[0]
  if (!project)
    return trouble(c, parts, {
      ...{ status: 404, title: 'There is no project', says: 'No project is configured yet.' },
    })
  return page(c, parts, {
    ...{ title: `Hand in patches for ${project.name}`, here: 'submit' },
    status: again.why === undefined ? 200 : 422,
    body: formBody({ projects, project, csrf: c.get('csrf'), ...again }),
  })
}

const waitPath = ({ id, project }: Mail): string =>
  `/submit/taken?${new URLSearchParams({ project, mail: id })}`

type Came = { did: string; to: Mail } | { no: string; remedy: string }

const no = (why: string): Came => ({ no: why, remedy: '' })

/** Keeps what is new. One mail stands for all: its series is shown. */
const takeIn = async (wired: Wired, c: Context, { project, bytes, wish }: Asked): Promise<Came> => {
  const viewer = c.get('viewer')
  if (!viewer) return no('Nobody is logged in.')
  return withMailsIn(bytes, { now: wired.clock.now(), by: viewer.role }, async source => {
    const wrong = wrongAuthors(viewer, await authorsIn(source, submitLimits.mails))
    if (wrong !== undefined) return no(wrong)
    const { fresh, known } = await handIn(wired, { project: project.name, source, wish })
    const taken = fresh.find(isSubmission)
    if (taken) return { did: '', to: taken }
    // It was handed in, or came by the list, before: there it is.
    const before = known.find(mail => seriesOf(mail) !== undefined || isSubmission(mail))
    if (before) return { did: 'it was there before', to: before }
    return no('It holds nothing that could be tested. What git format-patch --stdout writes is taken.')
  })
}

const submit = async (c: Context, parts: WebParts): Promise<Response> => {
  const given = await c.req.parseBody({ all: true }).catch(() => undefined)
  const said = (name: string) => (typeof given?.[name] === 'string' ? given[name] : '')
  const again = {
    project: said('project'),
    base: oneLine(said('base'), 200),
    text: said('text').slice(0, 100_000),
    images: given?.image === undefined ? undefined : [given.image].flat().map(String),
  }
  const asked = await readForm(given, projectsOf(parts))
  if ('why' in asked) return form(c, parts, { ...again, why: asked.why })
  const wired = await parts.wired()
  const who = c.get('viewer')?.name ?? ''
  const noted = {
    who,
    by: 'web',
    what: 'hand in',
    about: `project ${asked.project.name}`,
    reason: '',
  } as const
  const came = await audited(wired, noted, () => takeIn(wired, c, asked)).catch((error: unknown) => {
    // What somebody sent is no mailbox: that is theirs to know, not ours to mend.
    if (error instanceof Fault && error.kind === 'malformed') return no('It cannot be read as mails.')
    throw error
  })
  return 'no' in came ? form(c, parts, { ...again, why: came.no }) : c.redirect(waitPath(came.to), 303)
}

const taken = async (c: Context, parts: WebParts): Promise<Response> => {
  const { store } = await parts.wired()
  const mail = await store.mail(c.req.query('mail') ?? '', c.req.query('project') ?? '')
  if (!mail) return missing(c, parts, { what: 'mail', says: 'Nothing with that name was handed in.' })
  const series = seriesOf(mail)
  if (series !== undefined) return c.redirect(seriesPath(series), 303)
  const became = words[mail.disposition.kind]
  if (became !== undefined)
    return page(c, parts, { title: 'Not tested', here: 'submit', body: becameBody(mail, became) })
  // Scripts or not: the reader is led on.
  c.header('refresh', '2')
  return page(c, parts, { title: 'Taken', here: 'submit', body: waitBody(mail) })
}

export const submitPages = (parts: WebParts): Pages => {
  const pages = new Hono<Env>()
  const mayHandIn = requireRole(parts, 'submitter')
  pages.get('/submit', mayHandIn, c => form(c, parts, { project: c.req.query('project') }))
  pages.post('/submit', mayHandIn, limit(parts, 'submit'), c => submit(c, parts))
  pages.get('/submit/taken', mayHandIn, c => taken(c, parts))
  return pages
}
