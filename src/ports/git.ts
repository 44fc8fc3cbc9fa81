// git on the host: reads mails and keeps a bare mirror of each project's repository. No patch is ever applied here.
import type { Readable } from 'node:stream'
import type { Commit } from '../model/job.ts'
import type { Address } from '../model/mail.ts'

/** What `git mailinfo` makes of a raw mail. */
export type MailInfo = { author: Address; subject: string; message: string; patch: Buffer }

export type GitMail = {
  /** In the order of the input; undefined where git finds no usable mail. */
  mailinfo(raws: Buffer[]): Promise<(MailInfo | undefined)[]>
  /** `git patch-id --stable` of each; undefined where there is no diff in it. */
  patchIds(patches: Buffer[]): Promise<(string | undefined)[]>
}

export type Mirror = {
  /** Brings the mirror up to date; with `ifOlderThanMs`, only if this process has not done so for that long. Fault
   *  unreachable: the old state stays usable. */
  fetch(repository: string, options?: { ifOlderThanMs?: number }): Promise<void>
  /** The commit that a branch, tag or (abbreviated) commit id names, in the mirror as it is. */
  resolve(repository: string, name: string): Promise<Commit | undefined>
  /** A tar with one folder `.git`: a shallow bare-less repository in which `git checkout -f COMMIT` works. */
  snapshot(repository: string, commit: Commit): Promise<{ size: number; stream: Readable }>
}
