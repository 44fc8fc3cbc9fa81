// Frames on the control port: type, id and payload length, 4 bytes each, little endian; then the payload. program.c has the same numbers.

export const asks = { ping: 1, wake: 2, exec: 3, credit: 4, kill: 5, put: 6, get: 7, stop: 8 } as const
export const tells = { done: 101, output: 102, exit: 103, begin: 104 } as const

export type Frame = { type: number; id: number; payload: Buffer }

const headerBytes = 12
/** The program never says more at once, and takes no more. */
const longestFromGuest = (32 << 10) - headerBytes
export const longestToGuest = 256 << 10

export const frame = (type: number, id: number, ...payload: Buffer[]): Buffer => {
  const header = Buffer.alloc(headerBytes)
  header.writeUInt32LE(type, 0)
  header.writeUInt32LE(id, 4)
  header.writeUInt32LE(
    payload.reduce((sum, part) => sum + part.length, 0),
    8,
  )
  return Buffer.concat([header, ...payload])
}

/** Each ends with a NUL. */
export const strings = (...texts: string[]): Buffer => Buffer.from(texts.map(text => `${text}\0`).join(''))

export const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

export const uint64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

/** Cuts what comes into frames; `false`: that is no frame of ours, and nothing after it can be. Holds one frame at most. */
export const frameReader = (hear: (frame: Frame) => void): ((chunk: Buffer) => boolean) => {
  let rest: Buffer = Buffer.alloc(0)
  return chunk => {
    rest = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    for (;;) {
      if (rest.length < headerBytes) return true
      const length = rest.readUInt32LE(8)
      if (length > longestFromGuest) return false
      if (rest.length < headerBytes + length) return true
      const payload = rest.subarray(headerBytes, headerBytes + length)
      hear({ type: rest.readUInt32LE(0), id: rest.readUInt32LE(4), payload })
      rest = rest.subarray(headerBytes + length)
    }
  }
}

/** How a request ended. */
export type Done = { size: bigint; digest: bigint; words: string | undefined }

/** undefined: no frame of the program's. */
export const doneIn = (payload: Buffer): Done | undefined => {
  if (payload.length < 20) return undefined
  const failed = payload.readUInt32LE(16) !== 0
  const words = payload.subarray(20).toString()
  return {
    size: payload.readBigUInt64LE(0),
    digest: payload.readBigUInt64LE(8),
    words: failed ? words || 'no reason given' : undefined,
  }
}
