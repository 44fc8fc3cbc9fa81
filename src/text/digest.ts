// Content ids: the same content gives the same id on every machine.
import { createHash } from 'node:crypto'

/** Hex SHA-256 of the values' JSON, cut to `length` digits. Values must be plain data with a stable order of keys. */
export const contentId = (length: number, ...values: unknown[]): string =>
  createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, length)
