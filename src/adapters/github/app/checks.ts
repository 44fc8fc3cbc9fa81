// A check run, written so that it may be written again: found by its external id, and annotations, of which GitHub only ever takes more, are
// sent once. https://docs.github.com/rest/checks/runs
import type { Repository } from '../../../model/forge.ts'
import type { Annotation, Check } from '../../../ports/forge.ts'
import { orGone } from '../fault.ts'
import { annotations, anything, type CheckAnswer, check as checkAnswer, checks, made } from './answers.ts'
import { type AppHttp, pathOf } from './connect.ts'

const perRequest = 50
const perPage = 100
const maxText = 65_535
const maxTitle = 255

const iso = (at: number): string => `${new Date(at).toISOString().slice(0, 19)}Z`

/** Never a half of a surrogate pair. */
const cut = (text: string, max: number): string => text.slice(0, max).toWellFormed()

const rawAnnotation = ({ path, startLine, endLine, level, title, message }: Annotation) => ({
  ...{ path, start_line: startLine, end_line: Math.max(startLine, endLine), annotation_level: level },
  ...{ title: cut(title, maxTitle), message: cut(message, maxText) },
})
type RawAnnotation = ReturnType<typeof rawAnnotation>

const outputOf = ({ title, summary, text }: Check, some: RawAnnotation[]) => ({
  ...{ title: cut(title, maxTitle), summary: cut(summary, maxText) },
  ...(text === undefined ? {} : { text: cut(text, maxText) }),
  ...(some.length === 0 ? {} : { annotations: some }),
})

const bodyOf = (check: Check, some: RawAnnotation[]) => ({
  ...{ name: check.name, external_id: check.externalId, status: check.status },
  ...(check.conclusion === undefined ? {} : { conclusion: check.conclusion }),
  ...(check.startedAt === undefined ? {} : { started_at: iso(check.startedAt) }),
  ...(check.endedAt === undefined ? {} : { completed_at: iso(check.endedAt) }),
  ...(check.url === undefined ? {} : { details_url: check.url }),
  output: outputOf(check, some),
})

type Standing = { id: number; status: string; annotations: number }

const standingOf = ({ id, status, output }: CheckAnswer): Standing => ({
  ...{ id, status, annotations: output.annotations_count },
})

const known = async (
  { askIn }: AppHttp,
  repository: Repository,
  { id, head }: { id: string; head: string },
): Promise<Standing | undefined> => {
  if (!/^\d{1,16}$/.test(id)) return undefined
  const path = `${pathOf(repository)}/check-runs/${id}`
  const there = await orGone(askIn(repository, { method: 'GET', path, answer: checkAnswer }))
  return there?.value.head_sha === head ? standingOf(there.value) : undefined
}

/** The newest of ours with that external id: an answer may have been lost, and the check is there. */
const found = async (
  { askIn }: AppHttp,
  repository: Repository,
  { head, name, externalId }: Check,
): Promise<Standing | undefined> => {
  const path = `${pathOf(repository)}/commits/${head}/check-runs`
  const query = { check_name: name, filter: 'latest', per_page: perPage }
  const { value } = await askIn(repository, { method: 'GET', path, query, answer: checks })
  const own = value.check_runs.filter(one => one.external_id === externalId).sort((a, b) => b.id - a.id)[0]
  return own && standingOf(own)
}

const keyOf = (one: { path: string; start_line: number; end_line: number; title: string; message: string }) =>
  JSON.stringify([one.path, one.start_line, one.end_line, one.title, one.message])

/** What stands there already, by its content. */
const standing = async (
  { askIn }: AppHttp,
  repository: Repository,
  { id, annotations: count }: Standing,
): Promise<Set<string>> => {
  const keys = new Set<string>()
  for (let page = 1; (page - 1) * perPage < count; page++) {
    const path = `${pathOf(repository)}/check-runs/${id}/annotations`
    const query = { per_page: perPage, page }
    const { value } = await askIn(repository, { method: 'GET', path, query, answer: annotations })
    for (const one of value) keys.add(keyOf({ ...one, title: one.title ?? '', message: one.message ?? '' }))
    if (value.length < perPage) break
  }
  return keys
}

const begin = async ({ askIn }: AppHttp, repository: Repository, check: Check, some: RawAnnotation[]) => {
  const path = `${pathOf(repository)}/check-runs`
  const body = { ...bodyOf(check, some), head_sha: check.head }
  return (await askIn(repository, { method: 'POST', path, body, answer: made })).value.id
}

const change = async (
  { askIn }: AppHttp,
  repository: Repository,
  { id, check, some }: { id: number; check: Check; some: RawAnnotation[] },
) => {
  const path = `${pathOf(repository)}/check-runs/${id}`
  await askIn(repository, { method: 'PATCH', path, body: bodyOf(check, some), answer: anything })
}

/** A check that is over is not begun again: a new one of that name takes its place. Neither can annotations be taken away. */
const canBecome = (there: Standing, check: Check, gone: boolean): boolean =>
  !gone && (there.status !== 'completed' || check.status === 'completed')

/** Writes the check; returns its id. Repeatable. */
export const putCheck = async (
  http: AppHttp,
  repository: Repository,
  check: Check,
  id: string | undefined,
): Promise<string> => {
  const there =
    (id === undefined ? undefined : await known(http, repository, { id, head: check.head })) ??
    (await found(http, repository, check))
  const wanted = [...new Map(check.annotations.map(rawAnnotation).map(one => [keyOf(one), one])).values()]
  const stands = there && there.annotations > 0 ? await standing(http, repository, there) : new Set<string>()
  const isGone = [...stands].some(key => !wanted.some(one => keyOf(one) === key))
  const isSame = there !== undefined && canBecome(there, check, isGone)
  const missing = isSame ? wanted.filter(one => !stands.has(keyOf(one))) : wanted
  const first = missing.slice(0, perRequest)
  const own = isSame ? there.id : await begin(http, repository, check, first)
  if (isSame) await change(http, repository, { id: own, check, some: first })
  for (let from = perRequest; from < missing.length; from += perRequest)
    await change(http, repository, { id: own, check, some: missing.slice(from, from + perRequest) })
  return String(own)
}
