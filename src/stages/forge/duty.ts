// What a look at a pull request asks of us. Pure.
//
//   opened, a new head, another base, ready for review ─▶ test (a new version)
//   closed, merged, a new head of a draft ─▶ withdraw          reopened, with the same head ─▶ resume
import type { Pull } from '../../model/forge.ts'
import type { PullWord } from '../../ports/forge.ts'

export type Duty =
  | { do: 'nothing' }
  /** `version`: of the series that it becomes. */
  | { do: 'test'; version: number }
  | { do: 'withdraw'; why: string }
  | { do: 'resume' }

export type Look = {
  before: Pull | undefined
  now: PullWord
  /** Is the series of `before` kept? A crash may have come before it was. */
  isKept: boolean
  /** Somebody who may asked for it: drafts and old ones are tested then, too. */
  asked: boolean
  /** It was found by a first look at all, and did not change for long: it is noted only. */
  isOld: boolean
}

const nothing: Duty = { do: 'nothing' }

const ofOpen = ({ before, now, isKept, asked, isOld }: Look): Duty => {
  const next = { do: 'test' as const, version: (before?.version ?? 0) + 1 }
  if (before === undefined) return (now.isDraft || isOld) && !asked ? nothing : next
  const isNew = before.head !== now.head || before.base.branch !== now.base.branch
  if (isNew) {
    if (!now.isDraft || asked) return next
    return before.series === undefined
      ? nothing
      : { do: 'withdraw', why: 'its pull request, a draft, has a newer version' }
  }
  if (before.series !== undefined) {
    if (!isKept) return { do: 'test', version: before.version }
    return before.state === 'open' ? nothing : { do: 'resume' }
  }
  const isReady = (before.isDraft || before.state !== 'open') && !now.isDraft
  return isReady || asked ? next : nothing
}

export const dutyOf = (look: Look): Duty => {
  const { before, now } = look
  if (now.state === 'open') return ofOpen(look)
  if (before?.series === undefined || before.state !== 'open') return nothing
  return { do: 'withdraw', why: `its pull request was ${now.state === 'merged' ? 'merged' : 'closed'}` }
}

/** As it is kept after a look that made no series. A head that is another has no series yet. */
export const notedAs = (project: string, { before, now }: Pick<Look, 'before' | 'now'>): Pull => {
  const isSame = before?.head === now.head && before.base.branch === now.base.branch
  return {
    ...{ ...now, project, version: before?.version ?? 0, series: isSame ? before?.series : undefined },
    ...(isSame && before.unusable !== undefined ? { unusable: before.unusable } : {}),
  }
}
