// What `git am` says when a patch does not go in, as git 2.39 to 2.47 word it with LC_ALL=C. Log of one patch → files, lines and reasons.
import type { Conflict } from '../model/job.ts'
import { logLines } from './clean.ts'

export type AmLog = {
  /** Title of the patch that stopped it. */
  title: string | undefined
  /** One for each file (git stops at a file's first bad hunk); file '' where git names none. */
  conflicts: Conflict[]
  /** Nothing was left to change: it is in the base already. */
  alreadyApplied: boolean
}

const maxConflicts = 20

type Rule = { on: RegExp; conflict: (found: string[]) => Conflict }

const rule = (on: RegExp, why: string, groups: { file?: number; line?: number } = { file: 1 }): Rule => ({
  on,
  conflict: found => ({
    file: groups.file === undefined ? '' : (found[groups.file] ?? ''),
    line: groups.line === undefined ? undefined : Number(found[groups.line]),
    why: why.replace(/\$(\d)/g, (_, n: string) => found[Number(n)] ?? ''),
  }),
})

const differs = 'the lines that it changes look different there'

// The order matters: the last rules take whatever is left.
const rules: Rule[] = [
  rule(/^error: patch failed: (.+):(\d+)$/, differs, { file: 1, line: 2 }),
  rule(/^error: (.+): patch does not apply$/, differs),
  rule(/^error: (.+): (?:does not exist in index|No such file or directory)$/, 'there is no such file'),
  rule(/^error: (.+): already exists in (?:index|working directory)$/, 'there is such a file already'),
  rule(/^error: (.+): does not match index$/, 'the file in the work tree was changed'),
  rule(
    /^error: (?:sha1|object) information is lacking or useless \((.+)\)\.?$/,
    'the version that it was made from is not known here',
  ),
  rule(
    /^error: cannot apply binary patch to '(.+)' without full index line$/,
    'its binary change lacks the data; "git format-patch --binary" includes it',
  ),
  rule(/^error: affected file '(.+)' is beyond a symbolic link$/, 'the path goes through a symbolic link'),
  rule(/^error: invalid path '(.+)'$/, 'the path is not allowed'),
  rule(/^CONFLICT \([^)]*\): Merge conflict in (.+)$/, differs),
  rule(/^CONFLICT \(modify\/delete\): (.+?) deleted in .*$/, 'there is no such file any more'),
  rule(/^CONFLICT \(([^)]+)\): (.+)$/, 'merge conflict ($1): $2', {}),
  rule(/^error: corrupt patch at (?:line |.*:)(\d+)$/, 'the diff is damaged at its line $1', {}),
  rule(
    /^error: (?:patch fragment without header|git diff header lacks .*) at (?:line |.*:)(\d+).*$/,
    'the diff is damaged at its line $1',
    {},
  ),
  rule(/^error: No valid patches in input/, 'there is no diff in the mail', {}),
  rule(/^Patch is empty\./, 'there is no diff in the mail', {}),
  rule(/^Patch format detection failed\./, 'git does not recognise it as a mail with a patch', {}),
  rule(/^fatal: empty ident name .* not allowed$/, 'the mail does not say who wrote it', {}),
  rule(/^fatal: (.+)$/, '$1', {}),
]

// Said after the reasons, and nothing new in them.
const consequences =
  /^error: (?:Failed to merge in the changes|could not build fake ancestor|Did you hand edit your patch\?|Repository lacks necessary blobs)/
const anyFile = rule(/^error: ([^:]+): (.+)$/, '$2')
const anything = rule(/^error: (.+)$/, '$1', {})

const read = (line: string): Conflict | undefined => {
  if (consequences.test(line)) return undefined
  for (const { on, conflict } of [...rules, anyFile, anything]) {
    const found = on.exec(line)
    if (found) return conflict(found)
  }
  return undefined
}

/** `log`: what `git am` printed for one patch, stdout and stderr together in any order. */
export const parseAm = (log: string): AmLog => {
  const lines = logLines(log)
  const conflicts: Conflict[] = []
  for (const line of lines) {
    const conflict = read(line)
    if (!conflict) continue
    // `patch failed: x.c:12` is followed by `x.c: patch does not apply`: one thing, said twice.
    const repeated = conflicts.some(
      ({ file, why }) => (file === conflict.file && file !== '') || (file === '' && why === conflict.why),
    )
    if (!repeated && conflicts.length < maxConflicts) conflicts.push(conflict)
  }
  const title = (start: RegExp): string | undefined =>
    lines.map(line => start.exec(line)?.[1]).findLast(Boolean)
  return {
    title: title(/^Patch failed at \d+ (.+)$/) ?? title(/^Applying: (.+)$/),
    conflicts,
    alreadyApplied: lines.some(line => line === 'No changes -- Patch already applied.'),
  }
}
