// Which repositories may be fetched, and what it means when git cannot. Used by mirror.ts.
import { resolve } from 'node:path'
import { Fault } from '../../model/fault.ts'

const url = /^(https|ssh|git|file):\/\/[^-]/
const scpLike = /^[A-Za-z0-9_][^/:\s]*@?[A-Za-z0-9_.-]*:(?!:)[^\s]/

/** A URL of an allowed protocol, `user@host:path`, or a path, made absolute. Fault refused: git would take it for an option or a transport program (`ext::…`). */
export const sourceOf = (repository: string): string => {
  if (url.test(repository) || (scpLike.test(repository) && !repository.includes('://'))) return repository
  if (repository.startsWith('-') || repository.includes('::') || /^[a-z][a-z0-9+.-]*:\/\//i.test(repository))
    throw new Fault('refused', 'never', `repository ${redacted(repository)}: its protocol is not allowed`, {
      remedy: 'use a path, or an https, ssh, git or file URL',
    })
  return resolve(repository)
}

/** Without the user and password of a URL. */
export const redacted = (text: string): string => text.replace(/\/\/[^/@\s]*@/g, '//***@')

/** What counts of git's complaints: the first fatal one. */
const complaint = (stderr: string): string => {
  const lines = redacted(stderr)
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
  return (lines.find(line => line.startsWith('fatal:')) ?? lines.at(-1) ?? 'no message').replace(
    /^fatal: /,
    '',
  )
}

/** What `git fetch` said → a Fault. */
export const fetchFault = (repository: string, stderr: string): Fault => {
  const place = `repository ${redacted(repository)}`
  const message = `${place}: ${complaint(stderr)}`
  const cause = new Error(redacted(stderr))
  if (/dubious ownership/.test(stderr))
    return new Fault('refused', 'later', `${place}: it belongs to another user`, {
      cause,
      remedy: `git config --global --add safe.directory ${repository}`,
    })
  if (/No space left|Disk quota/.test(stderr))
    return new Fault('exhausted', 'later', message, {
      cause,
      remedy: 'free space on the disk of the mirrors',
    })
  if (/does not (appear to be a git repository|exist)|not found|not a git repository/i.test(stderr))
    return new Fault('refused', 'later', message, { cause, remedy: 'check the repository in the recipe' })
  if (
    /Authentication failed|Permission denied|could not read (Username|Password)|access denied/i.test(stderr)
  )
    return new Fault('refused', 'later', message, {
      cause,
      remedy: 'let git of this user read it without being asked for a password',
    })
  return new Fault('unreachable', 'soon', message, {
    cause,
    remedy: `try: git ls-remote ${redacted(repository)}`,
  })
}
