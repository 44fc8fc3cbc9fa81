// One viewer's stream of server-sent events (HTML, 9.2): written as fast as the viewer reads, and no faster.

const encoder = new TextEncoder()

/** One event. `data` in one line, as JSON is. */
export const eventOf = ({
  event,
  data,
  id,
}: {
  event: string
  data: unknown
  id?: string | undefined
}): Uint8Array =>
  encoder.encode(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`)

/** A comment, so that nobody between takes the line for dead. */
const beat = encoder.encode(':\n\n')

/** How soon a browser comes back after the line was cut, in ms. */
const hello = encoder.encode('retry: 2000\n\n')

/** Bytes that wait for one viewer; they are shared by all viewers of the same, but who says that it was elsewhere has its own. */
const maxWaiting = 2 << 20

/** Where the bytes of an outlet go. It says `go` to the outlet when it takes more, and `close` when it is gone. */
export type Sink = {
  /** false: takes no more for now. */
  write(bytes: Uint8Array): boolean
  end(): void
  destroy(): void
}

/** A class, as a process has thousands of them: one with functions of its own takes some kB more. */
export class Outlet {
  readonly #onClose: () => void
  #waiting: Uint8Array[] = [hello]
  #size = hello.length
  #sink: Sink | undefined
  #isFree = false
  #isEnding = false
  #isClosed = false
  #emptied: PromiseWithResolvers<void> | undefined

  /** `onClose`: the viewer is gone, or all is said; called once. */
  constructor(onClose: () => void) {
    this.#onClose = onClose
  }

  /** What was sent before goes there as well. */
  into(sink: Sink): void {
    if (this.#isClosed) return void sink.destroy()
    this.#sink = sink
    this.go()
  }

  /** The sink takes more. */
  go(): void {
    this.#isFree = true
    this.#flow()
  }

  /** false: too much waits already, and this is not taken. */
  send(bytes: Uint8Array): boolean {
    if (this.#isClosed || this.#isEnding) return true
    if (this.#size > maxWaiting) return false
    this.#waiting.push(bytes)
    this.#size += bytes.length
    this.#flow()
    return true
  }

  /** Sends this in place of all that waits. */
  sendInstead(bytes: Uint8Array): void {
    this.#waiting = []
    this.#size = 0
    this.send(bytes)
  }

  /** When there is nothing else to say. */
  beat(): void {
    if (this.#waiting.length === 0) this.send(beat)
  }

  /** When all that waits was taken; false: nobody takes it any more. */
  async taken(): Promise<boolean> {
    if (!this.#isClosed && this.#waiting.length > 0) {
      this.#emptied ??= Promise.withResolvers<void>()
      await this.#emptied.promise
    }
    return !this.#isClosed
  }

  /** Ends it when all is said, and `last`. */
  end(last?: Uint8Array): void {
    if (this.#isClosed || this.#isEnding) return
    this.#isEnding = true
    if (last) this.#waiting.push(last)
    this.#flow()
  }

  /** Ends it now, said or not. */
  drop(): void {
    this.#sink?.destroy()
    this.close()
  }

  /** Its sink is gone, or has all. */
  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#waiting = []
    this.#empty()
    this.#onClose()
  }

  #flow(): void {
    const sink = this.#sink
    if (!sink || this.#isClosed) return
    while (this.#isFree) {
      const bytes = this.#waiting.shift()
      if (!bytes) break
      this.#size -= bytes.length
      // It may say `go` while it takes this.
      this.#isFree = false
      if (sink.write(bytes)) this.#isFree = true
    }
    if (this.#waiting.length > 0 || this.#isClosed) return
    this.#empty()
    if (!this.#isEnding) return
    this.#sink = undefined
    sink.end()
    this.close()
  }

  #empty(): void {
    this.#emptied?.resolve()
    this.#emptied = undefined
  }
}
