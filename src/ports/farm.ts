// Virtual machines, as stages see them: templates frozen once, and throw-away clones of them.
import type { Readable } from 'node:stream'
import type { Millis } from '../model/instant.ts'
import type { Ending, RunId } from '../model/run.ts'

/** A file or folder that goes into the guest before the freeze. */
export type GuestFile = {
  path: string
  bytes: () => Promise<{ size: number; stream: Readable }>
  untar: boolean
}

/** What a template is made of. Its id is a digest of all of it: another recipe or base is another template. */
export type TemplateSpec = {
  /** For people: `debian, base 1a2b3c4 of libtally`. */
  label: string
  image: string
  /** Content id of what the files and steps below make: project, base and recipe. */
  content: string
  /** Content id of what this is one state of: project, recipe, without the base. A template of an earlier state is gone on from,
   *  so that only what changed is built again; if that fails, it is made from the image. undefined: always from the image. */
  line?: string
  files: GuestFile[]
  prepare: Command[]
}

export type Command = {
  /** For people. */
  name: string
  /** Given to the image's shell. */
  script: string
  /** Where in the guest it runs. */
  folder: string
  timeoutMs: Millis
}

export type RunOptions = {
  /** Output as it comes, stdout and stderr together. */
  onOutput?: (chunk: Buffer) => void
  signal?: AbortSignal
}

export type Clone = {
  readonly run: RunId
  /** Every road ends in an Ending; only a bug throws. After anything but `finished`, `timed-out` and `cancelled` the clone is gone. */
  exec(command: Command, options?: RunOptions): Promise<Ending>
  /** Puts bytes into the guest; `untar`: unpacks a tar stream into the folder `path`. Throws a Fault. */
  write(path: string, bytes: { size: number; stream: Readable }, options?: { untar?: boolean }): Promise<void>
  /** Gets a file, or (`tar`) the named paths below a folder as one tar stream. Throws a Fault. Bytes are checked by digest at its end.
   *  `limit`: more bytes than these are a Fault refused (never); default 4 GiB. */
  read(path: string, options?: { tar?: string[]; limit?: number }): Promise<Readable>
  /** Console log, QMP events, screenshot (png), manifest: whatever there is; by name. Also after the guest died. */
  evidence(): Promise<Record<string, Buffer>>
  /** Ends the clone and removes what it left. Repeatable. */
  release(): Promise<void>
}

/** What is being done and how far: for progress displays. */
export type Progress = (line: string, done?: number, total?: number) => void

/** Preparing the base failed in the guest: the base is broken, or its recipe; no patch is to blame. */
export class PrepareFailed extends Error {
  readonly step: string
  readonly ending: Ending
  readonly output: Buffer
  constructor(step: string, ending: Ending, output: Buffer) {
    super(`prepare step "${step}": ${ending.kind}`)
    this.name = 'PrepareFailed'
    this.step = step
    this.ending = ending
    this.output = output
  }
}

export type Farm = {
  /** The id of a template that is proven to fork; freezes one if there is none. Takes seconds to minutes; concurrent calls share the work. Throws a Fault or PrepareFailed. */
  template(spec: TemplateSpec, progress: Progress, signal?: AbortSignal): Promise<string>
  /** A fresh clone, answering. Throws a Fault. */
  lease(request: { run: RunId; template: string; signal?: AbortSignal }): Promise<Clone>
  /** Removes what earlier, dead processes of this farm left behind: only QEMUs with this farm's token on their command line. Returns how many. */
  reap(): Promise<number>
  /** Its bytes were found damaged: all that runs on that template ends as `template-damaged`. Absent: it keeps no templates of its own. */
  condemn?(template: string, why: string): Promise<void>
  /** Ends the clones that are kept ready, and keeps none any more. What is leased stays its lessee's. */
  close(): Promise<void>
}
