// What became of a mail, in words; and how people name one.
import type { Config } from '../config/config.ts'
import { UsageError } from '../model/fault.ts'
import { botProject, type Disposition } from '../model/mail.ts'

/** A disposition in words. */
export const sayDisposition = (disposition: Disposition): string => {
  switch (disposition.kind) {
    case 'new':
      return 'not looked at yet'
    case 'patch':
      return `patch ${disposition.position} of a series`
    case 'cover':
      return 'cover letter of a series'
    case 'comment':
      return 'comment on a series'
    case 'duplicate':
      return 'the same mail came before'
    case 'conflict':
      return `conflict: ${disposition.why}`
    case 'not-a-patch':
      return `not a patch: ${disposition.why}`
    case 'damaged':
      return `damaged: ${disposition.why}`
    case 'unsafe':
      return `not applied, unsafe: ${disposition.why}`
    case 'unreadable':
      return `unreadable: ${disposition.why}`
    case 'automatic':
      return `automatic mail (${disposition.auto})`
    case 'own':
      return 'one of ours'
  }
}

/** A Message-ID as people type it, with or without its brackets. */
export const bracketed = (id: string): string => (id.startsWith('<') ? id : `<${id}>`)

/** One of the configuration, or the bot's own. Throws UsageError with the names that there are. */
export const checkProject = ({ projects }: Config, name: string): void => {
  const names = [...projects.map(project => project.name), botProject]
  if (!names.includes(name))
    throw new UsageError(`there is no project "${name}"`, `There are ${names.join(', ')}`)
}
