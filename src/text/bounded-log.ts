// What a program printed, kept within bounds: the beginning and the end of a flood, and a line that says what is missing.

export type BoundedLog = {
  add(chunk: Buffer): void
  /** All of it, or head and tail with a line between them. */
  text(): string
}

const gapLine = /^\[… \d{1,15} bytes of output left out …\]$/

/** Is it the line that says what is missing? */
export const isGap = (line: string): boolean => gapLine.test(line)

/** `limit` in bytes; half of it for the beginning, half for the end. */
export const boundedLog = (limit = 8 * 1024 * 1024): BoundedLog => {
  const half = Math.floor(limit / 2)
  const head: Buffer[] = []
  let headBytes = 0
  let tail: Buffer[] = []
  let tailBytes = 0
  let total = 0

  const trim = () => {
    const all = Buffer.concat(tail)
    const kept = all.subarray(Math.max(0, all.length - half))
    tail = [kept]
    tailBytes = kept.length
  }

  return {
    add(chunk) {
      total += chunk.length
      const first = chunk.subarray(0, Math.max(0, half - headBytes))
      if (first.length > 0) {
        head.push(Buffer.from(first))
        headBytes += first.length
      }
      const rest = chunk.subarray(first.length)
      if (rest.length === 0) return
      tail.push(Buffer.from(rest))
      tailBytes += rest.length
      if (tailBytes > 2 * half) trim()
    },
    text() {
      if (tailBytes > half) trim()
      const missing = total - headBytes - tailBytes
      const gap = missing > 0 ? [Buffer.from(`\n[… ${missing} bytes of output left out …]\n`)] : []
      return Buffer.concat([...head, ...gap, ...tail]).toString('utf8')
    },
  }
}

/** The lines of a program's output, without an empty one at the end. */
export const linesOf = (text: string): string[] => {
  const lines = text.split(/\r?\n/)
  if (lines.at(-1) === '') lines.pop()
  return lines
}
