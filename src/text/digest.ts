// Content ids: the same content gives the same id on every machine.
import { createHash } from 'node:crypto'

/** Hex SHA-256. A text counts as UTF-8. */
export const sha256 = (content: string | Uint8Array): string =>
  createHash('sha256').update(content).digest('hex')

/** Hex SHA-256 of the values' JSON, cut to `length` digits. Values must be plain data with a stable order of keys. */
export const contentId = (length: number, ...values: unknown[]): string =>
  sha256(JSON.stringify(values)).slice(0, length)
