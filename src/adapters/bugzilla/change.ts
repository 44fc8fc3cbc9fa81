// A change of fields as Bugzilla takes it, made from how the bug stands now: what is so already is left out.
import type { BugChange } from '../../model/bug.ts'
import type { RawBug } from './answers.ts'

const ours = /\[grapevine: [^\]]{0,200}\]/g

/** Ours in its brackets, in the place of what was there; what others wrote stays. */
export const whiteboardWith = (whiteboard: string, word: string): string => {
  const mine = `[grapevine: ${word.replace(/[[\]\n]/g, ' ').slice(0, 200)}]`
  const others = whiteboard.replace(ours, '').replace(/ {2,}/g, ' ').trim()
  return others === '' ? mine : `${others} ${mine}`
}

const keywordsOf = ({ addKeywords = [], removeKeywords = [] }: BugChange, { keywords }: RawBug) => {
  const has = (word: string) => keywords.some(one => one.toLowerCase() === word.toLowerCase())
  const add = addKeywords.filter(word => !has(word))
  const remove = removeKeywords.filter(has)
  return add.length + remove.length === 0 ? {} : { keywords: { add, remove } }
}

/** A resolution belongs to a status that is closed; Bugzilla wants both together, and neither alone. */
const statusOf = ({ status, resolution }: BugChange, bug: RawBug) => {
  if (status === undefined && resolution === undefined) return {}
  const isSo = (status ?? bug.status) === bug.status && (resolution ?? bug.resolution) === bug.resolution
  if (isSo) return {}
  return {
    ...(status === undefined ? {} : { status }),
    ...(resolution === undefined || resolution === '' ? {} : { resolution }),
  }
}

/** Fields for PUT; undefined: nothing is to be changed, or the bug is in none of the states that allow it. */
export const fieldsOf = (change: BugChange, bug: RawBug): Record<string, unknown> | undefined => {
  const { from, whiteboard, addSeeAlso = [] } = change
  if (from !== undefined && from.length > 0 && !from.includes(bug.status)) return undefined
  const board = whiteboard === undefined ? bug.whiteboard : whiteboardWith(bug.whiteboard, whiteboard)
  const seeAlso = addSeeAlso.filter(url => !bug.see_also.includes(url))
  const fields = {
    ...statusOf(change, bug),
    ...keywordsOf(change, bug),
    ...(board === bug.whiteboard ? {} : { whiteboard: board }),
    ...(seeAlso.length === 0 ? {} : { see_also: { add: seeAlso } }),
  }
  return Object.keys(fields).length === 0 ? undefined : fields
}
