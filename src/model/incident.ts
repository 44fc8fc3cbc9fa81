// Trouble with the infrastructure that a person should hear of: opened by whoever finds it, once, and resolved when it is over.
//
//   open ──mended──▶ resolved
import type { Instant } from './instant.ts'

/** What is wrong; `about` of the incident says with which thing. */
export type Trouble =
  | 'host-unqualified'
  | 'host-lost'
  | 'disk-reserve'
  | 'disk-error'
  | 'template-damaged'
  | 'image-damaged'
  | 'image-unserved'
  | 'backup-damaged'
  | 'task-kills-workers'
  | 'source-unreachable'
  | 'mail-capped'
  | 'mail-refused'
  | 'mail-unconfirmed'
  | 'mail-unreachable'
  | 'base-broken'
  | 'alike-failures'
  | 'host-fails-more'

export type Incident = {
  /** Content id of trouble, host, `about` and `since`. */
  id: string
  trouble: Trouble
  /** undefined: no single host's. */
  host: string | undefined
  /** The image, template, back-up, disk or task. */
  about: string
  since: Instant
  /** One line for people, with the remedy if there is one. */
  detail: string
  /** undefined: still open. */
  resolved:
    | {
        at: Instant
        how: string /** Of failures that are alike: an operator says that the patches do it. */
        real?: true
      }
    | undefined
}

/** How the farm and the workers say it: the same trouble with the same thing is one incident, however often it is said. */
export type Alarm = {
  raise(trouble: Trouble, about: string, detail: string): Promise<void>
  /** It is over: resolves what is open of it. */
  clear(trouble: Trouble, about: string, how: string): Promise<void>
}
