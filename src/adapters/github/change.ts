// A change of fields as GitHub takes it: an issue is open or closed for a reason, and labels are its keywords. What it has no place for
// (see_also) is left out.
import type { BugChange } from '../../model/bug.ts'
import { type Issue, labelsOf, whiteboardLabel } from './answers.ts'

/** Rules may be written with Bugzilla's words. */
const isClosed = (status: string): boolean =>
  ['closed', 'resolved', 'verified'].includes(status.toLowerCase())

const reasons: Record<string, string> = {
  ...{ fixed: 'completed', completed: 'completed', duplicate: 'duplicate', reopened: 'reopened' },
}

const reasonOf = (resolution: string | undefined): string =>
  resolution === undefined || resolution === ''
    ? 'completed'
    : (reasons[resolution.toLowerCase()] ?? 'not_planned')

export type Steps = {
  /** undefined: it stays as it is. */
  state: { state: 'open' } | { state: 'closed'; state_reason: string } | undefined
  add: string[]
  remove: string[]
}

const maxLabel = 50

const boardLabel = (text: string): string =>
  `${whiteboardLabel}${text.replace(/\s+/g, ' ').trim()}`.slice(0, maxLabel)

const stateOf = ({ status, resolution }: BugChange, raw: Issue): Steps['state'] => {
  if (status === undefined) return undefined
  if (!isClosed(status)) return raw.state === 'open' ? undefined : { state: 'open' }
  const state_reason = reasonOf(resolution)
  const isSo = raw.state === 'closed' && (resolution === undefined || raw.state_reason === state_reason)
  return isSo ? undefined : { state: 'closed', state_reason }
}

/** What is to be done; undefined: nothing, or it is in none of the states that allow it. */
export const stepsOf = (change: BugChange, raw: Issue): Steps | undefined => {
  const { from = [], addKeywords = [], removeKeywords = [], whiteboard } = change
  if (from.length > 0 && !from.some(status => status.toLowerCase() === raw.state)) return undefined
  const labels = labelsOf(raw)
  const has = (name: string) => labels.some(one => one.toLowerCase() === name.toLowerCase())
  const board = whiteboard === undefined ? undefined : boardLabel(whiteboard)
  const old = labels.filter(one => board !== undefined && one.startsWith(whiteboardLabel) && one !== board)
  const steps: Steps = {
    state: stateOf(change, raw),
    add: [...addKeywords, ...(board === undefined ? [] : [board])].filter(name => !has(name)),
    remove: [...new Set([...removeKeywords.filter(has), ...old])],
  }
  return steps.state === undefined && steps.add.length + steps.remove.length === 0 ? undefined : steps
}
