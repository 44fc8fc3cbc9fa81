// Secrets of the configuration: found where the yaml says, held so that they cannot be printed by mistake.
import { readFileSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { inspect } from 'node:util'
import { Fault } from '../model/fault.ts'
import type { Secret } from './config.ts'
import type { SecretPlace } from './schema.ts'

const hidden = () => '***'

/** A value that shows as `***` in templates, JSON, logs and the debugger's `inspect`. */
export const secret = (value: string): Secret => hiding(() => value)

const hiding = (reveal: () => string): Secret =>
  Object.freeze({ reveal, toString: hidden, toJSON: hidden, [inspect.custom]: hidden })

/** One that is not there: a Fault as soon as somebody wants it. */
export const lackingSecret = (problem: string): Secret =>
  hiding(() => {
    throw new Fault('refused', 'never', problem)
  })

/** What the file says now: tokens are renewed there. A moment without the file does no harm. */
const renewed = (path: string, first: string): Secret => {
  let last = first
  return hiding(() => {
    try {
      last = withoutEnd(readFileSync(path, 'utf8')) || last
    } catch {}
    return last
  })
}

const withoutEnd = (text: string): string => text.replace(/\r?\n$/, '')

type Found = { secret: Secret; warning?: string } | { problem: string }

type FileOptions = { manyLines?: boolean }

const fromFile = async (path: string, { manyLines = false }: FileOptions): Promise<Found> => {
  try {
    const { mode } = await stat(path)
    const value = withoutEnd(await readFile(path, 'utf8'))
    if (value === '') return { problem: `${path} is empty` }
    if (!manyLines && /[\r\n]/.test(value))
      return { problem: `${path} has more than one line: only the secret may stand in it` }
    if ((mode & 0o004) === 0) return { secret: renewed(path, value) }
    return {
      secret: renewed(path, value),
      warning: `everybody on this host can read ${path}. Mend it: chmod o= ${path}`,
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    const why = { ENOENT: 'is not there', EACCES: 'may not be read', EISDIR: 'is a folder' }[code] ?? code
    return { problem: `${path} ${why}` }
  }
}

/** Gets the secret from its place. Relative files are taken from `folder`. `manyLines`: a key, which has more than one. */
export const findSecret = async (
  place: SecretPlace,
  from: { folder: string; env: NodeJS.ProcessEnv } & FileOptions,
): Promise<Found> => {
  if ('file' in place) return fromFile(resolve(from.folder, place.file), from)
  const value = from.env[place.env]
  return value ? { secret: secret(value) } : { problem: `the environment variable ${place.env} is not set` }
}
