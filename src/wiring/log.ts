// The log of a process: JSON lines by pino for machines, short lines for a person at a terminal.
import pino from 'pino'
import type { Level, Log } from '../ports/log.ts'
import { cleanLine } from '../text/clean.ts'

const marks: Record<Level, string> = { info: '', warn: 'warning: ', error: 'error: ' }

/** Subjects, addresses and servers' answers stand in it: none of them may steer the terminal. */
const clean = (text: string): string =>
  text
    .split('\n')
    .map(line => cleanLine(line))
    .join('\n')

const human =
  (write: (line: string) => void): Log =>
  (level, what, fields = {}) => {
    const ids = Object.entries(fields).filter(([, value]) => value !== undefined)
    const tail = ids.length === 0 ? '' : `  (${ids.map(([name, value]) => `${name} ${value}`).join(', ')})`
    write(`${new Date().toISOString().slice(11, 19)} ${marks[level]}${clean(`${what}${tail}`)}`)
  }

/** `json`: one object a line (time, level, msg and the fields); else one sentence a line. To stdout. */
export const openLog = (form: 'json' | 'lines'): Log => {
  if (form === 'lines') return human(line => process.stdout.write(`${line}\n`))
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime })
  return (level, what, fields) => logger[level](fields ?? {}, what)
}

/** For commands whose own output is the point: only what goes wrong, on stderr. */
export const quietLog: Log = (level, what) => {
  if (level !== 'info') process.stderr.write(`grapevine: ${marks[level]}${clean(what)}\n`)
}
