// Secrets of the configuration: found where the yaml says, held so that they cannot be printed by mistake.
import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { inspect } from 'node:util'
import type { Secret } from './config.ts'
import type { SecretPlace } from './schema.ts'

const hidden = () => '***'

/** A value that shows as `***` in templates, JSON, logs and the debugger's `inspect`. */
export const secret = (value: string): Secret =>
  Object.freeze({ reveal: () => value, toString: hidden, toJSON: hidden, [inspect.custom]: hidden })

type Found = { secret: Secret; warning?: string } | { problem: string }

const fromFile = async (path: string): Promise<Found> => {
  try {
    const { mode } = await stat(path)
    const value = (await readFile(path, 'utf8')).replace(/\r?\n$/, '')
    if (value === '') return { problem: `${path} is empty` }
    if (/[\r\n]/.test(value))
      return { problem: `${path} has more than one line: only the secret may stand in it` }
    if ((mode & 0o004) === 0) return { secret: secret(value) }
    return {
      secret: secret(value),
      warning: `everybody on this host can read ${path}. Mend it: chmod o= ${path}`,
    }
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable'
    const why = { ENOENT: 'is not there', EACCES: 'may not be read', EISDIR: 'is a folder' }[code] ?? code
    return { problem: `${path} ${why}` }
  }
}

/** Gets the secret from its place. Relative files are taken from `folder`. */
export const findSecret = async (
  place: SecretPlace,
  from: { folder: string; env: NodeJS.ProcessEnv },
): Promise<Found> => {
  if ('file' in place) return fromFile(resolve(from.folder, place.file))
  const value = from.env[place.env]
  return value ? { secret: secret(value) } : { problem: `the environment variable ${place.env} is not set` }
}
