// One viewer's stream of server-sent events (HTML, 9.2): written as fast as the viewer reads, and no faster; what is too much is lost.

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

export type Outlet = {
  send(bytes: Uint8Array): void
  /** When there is nothing else to say. */
  beat(): void
  /** When all that waits was taken, or nobody takes it any more. */
  taken(): Promise<void>
  /** Ends it when all is said. */
  end(): void
  /** Ends it now, said or not. */
  drop(): void
}

/** Bytes that wait for one viewer; they are shared by all viewers of the same. */
const maxWaiting = 4 << 20

export type Opened = { response: Response; outlet: Outlet }

/** `onClose`: the viewer is gone, or all is said. */
export const openOutlet = (onClose: () => void): Opened => {
  const waiting: Uint8Array[] = [hello]
  let [size, isEnding, isWanted] = [0, false, false]
  let taken = Promise.withResolvers<void>()
  let line: ReadableStreamDefaultController<Uint8Array> | undefined
  const close = () => {
    if (!line) return
    line = undefined
    waiting.length = 0
    taken.resolve()
    onClose()
  }
  const next = () => {
    const bytes = line && isWanted ? waiting.shift() : undefined
    if (bytes) {
      size -= bytes.length
      isWanted = false
      if (waiting.length === 0) taken.resolve()
      line?.enqueue(bytes)
    } else if (isEnding && waiting.length === 0) {
      line?.close()
      close()
    }
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        line = controller
        size = hello.length
      },
      pull() {
        isWanted = true
        next()
      },
      cancel: close,
    },
    { highWaterMark: 1 },
  )
  const response = new Response(body, {
    headers: {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // Proxies of nginx's kind keep what they get until it is much.
      'x-accel-buffering': 'no',
    },
  })
  const outlet: Outlet = {
    send(bytes) {
      if (!line || isEnding) return
      waiting.push(bytes)
      size += bytes.length
      while (size > maxWaiting && waiting.length > 1) size -= waiting.shift()?.length ?? 0
      next()
    },
    beat() {
      if (waiting.length === 0) outlet.send(beat)
    },
    taken() {
      if (!line || waiting.length === 0) return Promise.resolve()
      taken = Promise.withResolvers<void>()
      return taken.promise
    },
    end() {
      isEnding = true
      next()
    },
    drop() {
      line?.error(new Error('its viewer takes nothing'))
      close()
    },
  }
  return { response, outlet }
}
