// Where things lie in a guest, and the scripts that run there. Shell of a POSIX guest; nothing of a patch is ever run on the host.
import type { Before, Job, MailToApply, Task } from '../../model/job.ts'
import type { Step } from '../../model/recipe.ts'
import type { Command } from '../../ports/farm.ts'

export const sourceFolder = '/grapevine/source'
export const mailFolder = '/grapevine/mails'

export const command = (step: Step): Command => ({
  name: step.name,
  script: step.run,
  folder: sourceFolder,
  timeoutMs: step.timeoutMs,
})

/** Puts the base's files into the work tree; the commit's id is hex, checked by who resolved it. */
export const checkout = (commit: string): Command => ({
  name: 'check out the base',
  script: `git checkout -q -f ${commit}`,
  folder: sourceFolder,
  timeoutMs: 120_000,
})

/** One mail on its way into the tree. The label names it in the log and as a file. */
export type Applied = { label: string; mail: MailToApply; before: Before | undefined }

/** All that goes in, in order: what the series needs, then the series. */
export const applied = ({ before = [], parts }: Pick<Job, 'before' | 'parts'>): Applied[] => [
  ...before.flatMap((one, n) =>
    one.parts.map(mail => ({ label: `${n + 1}.${mail.position}`, mail, before: one })),
  ),
  ...parts.map(mail => ({ label: String(mail.position), mail, before: undefined })),
]

export const mailFile = (label: string): string => `${label}.eml`

/** As `git mailsplit` makes it: without the mbox line, so that no line of the mail is taken for another one, and without CR at line ends. */
export const asSplit = (raw: Buffer): Buffer => {
  const mail = raw.subarray(0, 5).toString('latin1') === 'From ' ? raw.subarray(raw.indexOf(10) + 1) : raw
  return mail.includes('\r\n')
    ? Buffer.from(mail.toString('latin1').replaceAll('\r\n', '\n'), 'latin1')
    : mail
}

/** The apply script's own exit code: no shell, signal or missing command gives it. */
export const notApplied = 42

/** What the apply script says before each patch, and when one was there already; the judge of the log looks for it. */
export const applying = (label: string): string => `grapevine: applying patch ${label}`
export const alreadyThere = (label: string): string => `grapevine: patch ${label} is already applied`

/**
 * `one LABEL` applies a mail by `git am`, as the host's `git mailinfo` has read it: in UTF-8, or as it is where its charset is none.
 * If that fails, it may be due to something else than the diff: an author without a name (then git has changed the files, but not
 * committed them), or names without a/ and b/ before them.
 * Then: is it in the base already? A patch whose reverse applies is; and one that later ones of the series stand on is, too, if these can
 * be taken out before it, from the last one back. The index that this is tried on is a copy.
 */
const functions = String.raw`
work=$(git rev-parse --git-path grapevine)
state=$(git rev-parse --git-path rebase-apply)
index=$(git rev-parse --git-path index)
mkdir -p "$work"
there=" "
looked=
clean() {
  rm -rf "$state"
  git diff --cached --quiet || git reset -q --hard
}
am() {
  clean
  git -c mailinfo.scissors=false -c am.threeWay=false am --patch-format=mbox --quoted-cr=strip --ignore-date "$@"
}
read_patch() {
  git mailinfo -u --quoted-cr=strip "$work/message" "$work/patch" <"$1" >/dev/null 2>&1 && return 0
  git mailinfo -n --quoted-cr=strip "$work/message" "$work/patch" <"$1" >/dev/null 2>&1
  return 1
}
strip() { if grep -q -e '^diff --git "\{0,1\}a/' -e '^--- "\{0,1\}a/' -e '^+++ "\{0,1\}b/' "$work/patch"; then echo 1; else echo 1 0; fi; }
take() {
  for p in $(strip); do
    git apply --check --index -p$p "$work/patch" 2>/dev/null || continue
    git apply --index -p$p "$work/patch" || return 1
    git commit -q --no-verify --author "Nobody <nobody@invalid>" -m "patch $1" && return 0
  done
  return 1
}
reverses() {
  for p in $(strip); do git apply -R --check --cached -p$p "$work/patch" 2>/dev/null && return 0; done
  return 1
}
look() {
  [ -z "$looked" ] || return 0
  looked=yes
  export GIT_INDEX_FILE="$work/index"
  cp "$index" "$GIT_INDEX_FILE"
  last_first=
  for label; do last_first="$label $last_first"; done
  for label in $last_first; do
    read_patch "MAILS/$label.eml"
    [ -s "$work/patch" ] && reverses || continue
    git apply -R --cached -p$p "$work/patch" && there=" $label$there"
  done
  unset GIT_INDEX_FILE
}
already() {
  case "$there" in *" $1 "*) ;; *) return 1 ;; esac
  echo "grapevine: patch $1 is already applied"
  rm -rf "$state"
}
one() {
  echo "grapevine: applying patch $1"
  already "$1" && return 0
  am "MAILS/$1.eml" && return 0
  if ! read_patch "MAILS/$1.eml"; then
    echo "grapevine: applying patch $1"
    am --no-utf8 "MAILS/$1.eml" && return 0
  fi
  [ -s "$work/patch" ] || return 1
  clean
  take "$1" && return 0
  if reverses; then there=" $1$there"; else look "$@"; fi
  already "$1"
}
all() {
  while [ $# -gt "$left" ]; do
    one "$@" || exit NOT_APPLIED
    shift
  done
}`

/** Applies the mails in order, each on its own, so that the failing one is known. Exit code `notApplied`: the patch named last does not apply.
 *  `later`: these come after them; what the tree has of them already is no reason to refuse one of the first. */
export const applyScript = (labels: string[], later: string[] = []): Command => ({
  name: 'apply',
  folder: sourceFolder,
  timeoutMs: 60_000 + 10_000 * labels.length,
  script: [
    functions.replaceAll('MAILS', mailFolder).replaceAll('NOT_APPLIED', String(notApplied)),
    `left=${later.length}`,
    `all ${[...labels, ...later].join(' ')}`,
    'exit 0',
  ].join('\n'),
})

/** Building patch after patch makes only what each has changed, but a header may be in every file. */
const maxWholeBuilds = 4

/** How long a task may take in all: what its steps may take, and room for leasing, copying and proving. `patches`: of the series. */
export const taskDeadlineMs = (task: Task, steps: Step[], patches = 0): number => {
  const times = task.each ? Math.max(1, Math.min(patches - 1, maxWholeBuilds)) : 1
  const room = (task.kind === 'build' ? 600_000 : 300_000) + (task.each ? 10_000 * patches : 0)
  return times * steps.reduce((sum, step) => sum + step.timeoutMs, 0) + room
}
