// Which branch a series is for, by the project's rules: the words in the subjects' brackets, and the files that it changes.
import { matchesGlob } from 'node:path'
import type { FileChange, Mail } from '../../model/mail.ts'

/** Tags are compared without case; both lists given: both must fit. */
export type BranchRule = { branch: string; tags: string[]; paths: string[] }

/** More files are not looked at one by one: a glob takes its time. */
const maxPaths = 2_000

export const pathsOf = (files: Pick<FileChange, 'before' | 'after'>[]): string[] => [
  ...new Set(files.flatMap(file => [file.before, file.after]).filter(path => path !== undefined)),
]

/** The branch of the first rule that fits; undefined: none does. `mails`: the cover and the patches. */
export const branchFor = (rules: BranchRule[], mails: Mail[]): string | undefined => {
  if (rules.length === 0) return undefined
  const tags = new Set(mails.flatMap(mail => mail.tags?.tags ?? []).map(tag => tag.toLowerCase()))
  const paths = pathsOf(mails.flatMap(mail => mail.patch?.files ?? []).slice(0, maxPaths))
  return rules.find(
    rule =>
      (rule.tags.length === 0 || rule.tags.some(tag => tags.has(tag.toLowerCase()))) &&
      (rule.paths.length === 0 || paths.some(path => rule.paths.some(glob => matchesGlob(path, glob)))),
  )?.branch
}
