// The one comment of ours on a pull request, and reactions. https://docs.github.com/rest/issues/comments
import type { PullRef, Repository } from '../../../model/forge.ts'
import { orGone } from '../fault.ts'
import { anything, made, ownComments } from './answers.ts'
import { type AppHttp, pathOf } from './connect.ts'

const perPage = 100
const maxPages = 50
/** GitHub's limit, in characters. */
const maxBody = 65_536

export type OwnComment = {
  ref: PullRef
  /** Of our App. */
  id: number
  mark: string
  text: string
  known: string | undefined
}

/** It does not show; what could end the comment that hides it has no place in one. */
const markLine = (mark: string): string => `<!-- ${mark.replace(/[^\w.:-]|--+/g, '-')} -->`

const bodyOf = ({ text, mark }: OwnComment): string => {
  const end = `\n\n${markLine(mark)}`
  return `${text
    .trimEnd()
    .slice(0, maxBody - end.length)
    .toWellFormed()}${end}`
}

/** Ours, by who wrote it: a mark can be copied. */
const found = async ({ askIn }: AppHttp, { ref, id, mark }: OwnComment): Promise<number | undefined> => {
  const path = `${pathOf(ref.repository)}/issues/${ref.number}/comments`
  for (let page = 1; page <= maxPages; page++) {
    const query = { per_page: perPage, page }
    const { value } = await askIn(ref.repository, { method: 'GET', path, query, answer: ownComments })
    const own = value.find(
      one => one.performed_via_github_app?.id === id && one.body?.trimEnd().endsWith(markLine(mark)),
    )
    if (own) return own.id
    if (value.length < perPage) return undefined
  }
  return undefined
}

/** Writes it, or takes it away; returns its id, '' for none. Repeatable: one that is there is changed. */
export const putComment = async (http: AppHttp, given: OwnComment): Promise<string> => {
  const { ref, text, known } = given
  const root = `${pathOf(ref.repository)}/issues`
  const write = (id: number | string) => {
    const path = `${root}/comments/${id}`
    const asked =
      text === ''
        ? { method: 'DELETE' as const, path, answer: anything }
        : { method: 'PATCH' as const, path, body: { body: bodyOf(given) }, answer: anything }
    return orGone(http.askIn(ref.repository, asked)).then(there => there !== undefined)
  }
  const isKnown = known !== undefined && /^\d{1,16}$/.test(known)
  if (isKnown && (await write(known))) return text === '' ? '' : known
  const there = await found(http, given)
  if (there !== undefined && (await write(there))) return text === '' ? '' : String(there)
  if (text === '') return ''
  const path = `${root}/${ref.number}/comments`
  const body = { body: bodyOf(given) }
  const { value } = await http.askIn(ref.repository, { method: 'POST', path, body, answer: made })
  return String(value.id)
}

/** Shows that a command was heard; a comment that is gone needs none. The same reaction twice is one. */
export const react = async (
  { askIn }: AppHttp,
  repository: Repository,
  { comment, how }: { comment: number; how: string },
): Promise<void> => {
  const path = `${pathOf(repository)}/issues/comments/${comment}/reactions`
  await orGone(askIn(repository, { method: 'POST', path, body: { content: how }, answer: anything }))
}
