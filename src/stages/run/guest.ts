// Where things lie in a guest, and the scripts that run there. Shell of a POSIX guest; nothing of a patch is ever run on the host.
import type { MailToApply, Task } from '../../model/job.ts'
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

export const mailFile = (mail: MailToApply): string => `${String(mail.position).padStart(4, '0')}.eml`

/** The apply script's own exit code: no shell, signal or missing command gives it. */
export const notApplied = 42

/** What the apply script says before each patch, and when one was there already; the judge of the log looks for it. */
export const applying = (position: number): string => `grapevine: applying patch ${position}`
export const alreadyThere = (position: number): string => `grapevine: patch ${position} is already applied`

/** Applies the mails in order by `git am`, each on its own, so that the failing one is known. A patch whose reverse applies is in the
 *  base already and is passed over. Exit code `notApplied`: the patch named last does not apply. */
export const applyScript = (mails: MailToApply[]): Command => ({
  name: 'apply',
  folder: sourceFolder,
  timeoutMs: 60_000 + 10_000 * mails.length,
  script: [
    'one() {',
    '  echo "grapevine: applying patch $1"',
    `  git am --quoted-cr=strip "${mailFolder}/$2" && return 0`,
    '  patch=$(git rev-parse --git-path rebase-apply/patch)',
    '  if [ -s "$patch" ] && git apply -R --check "$patch" 2>/dev/null; then',
    '    echo "grapevine: patch $1 is already applied"',
    '    git am --skip && return 0',
    '  fi',
    '  return 1',
    '}',
    ...mails.map(mail => `one ${mail.position} ${mailFile(mail)} || exit ${notApplied}`),
    'exit 0',
  ].join('\n'),
})

/** How long a task may take in all: what its steps may take, and room for leasing, copying and proving. */
export const taskDeadlineMs = (task: Task, steps: Step[]): number =>
  steps.reduce((sum, step) => sum + step.timeoutMs, 0) + (task.kind === 'build' ? 600_000 : 300_000)
