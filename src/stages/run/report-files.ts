// Report files of a test step: removed before it, so that none is older than the step, and fetched from its guest after it.
import { matchesGlob } from 'node:path'
import { text } from 'node:stream/consumers'
import { extract } from 'tar-stream'
import { Fault } from '../../model/fault.ts'
import type { TestStep } from '../../model/recipe.ts'
import type { Report } from '../../model/report.ts'
import { type Ending, isGuestsDoing } from '../../model/run.ts'
import type { Clone, Command } from '../../ports/farm.ts'
import { boundedLog, linesOf } from '../../text/bounded-log.ts'
import { sayEnding } from '../../text/ending.ts'
import { shellWord } from '../../text/only.ts'
import type { ReportFile } from '../../text/report/file.ts'
import { parseReport } from '../../text/report/report.ts'
import { sourceFolder } from './guest.ts'

const maxFiles = 2000
/** Of all files of a step together, as tar. */
const maxBytes = 32 * 1024 * 1024
/** Of a list of paths, and of a script that names them. */
const maxListBytes = 1024 * 1024
const maxScript = 32 * 1024
const timeoutMs = 120_000

/** `trouble`: why they are not to be had, or not all of them; a clause about the step, for people. */
export type FoundFiles = { files: ReportFile[]; trouble: string | undefined }

const quietly = (name: string, script: string): Command => ({ name, script, folder: sourceFolder, timeoutMs })

const exec = async (clone: Clone, command: Command, signal: AbortSignal): Promise<string> => {
  const log = boundedLog(maxListBytes)
  const ending = await clone.exec(command, { onOutput: chunk => log.add(chunk), signal })
  if (!isGuestsDoing(ending)) throw new Fault('unreachable', 'soon', `${command.name}: ${ending.kind}`)
  // A guest that cannot even list its files gives no report that can be trusted.
  if (ending.kind !== 'finished')
    throw new Fault('refused', 'soon', `${command.name}: it ${sayEnding(ending)}`)
  return log.text()
}

/** Words of a glob that a shell's own patterns do not know. */
const magic = /[*?[\]{}()!+@]/

/** One `find` for a glob: below the folders that it names, by a name that is at least as wide. */
const findOf = (glob: string): string => {
  const parts = glob.split('/')
  const plain = parts.findIndex(part => magic.test(part))
  const from = plain < 0 ? parts.slice(0, -1) : parts.slice(0, plain)
  const last = parts.at(-1) ?? '*'
  const name = /\*\*|[{}()!+@\\]/.test(last) ? '*' : last
  return `find ${shellWord(['.', ...from].join('/'))} -type f -name ${shellWord(name)} 2>/dev/null`
}

/** Paths below the source folder that the globs match, sorted. */
const list = async (clone: Clone, globs: string[], signal: AbortSignal): Promise<string[]> => {
  const script = `{ ${globs.map(findOf).join('; ')}; } | head -c ${maxListBytes}`
  const found = linesOf(await exec(clone, quietly('list the report files', script), signal))
    .map(line => line.replace(/^(?:\.\/)+/, ''))
    .filter(path => globs.some(glob => matchesGlob(path, glob)))
  return [...new Set(found)].sort()
}

/** Pieces of a list whose words are short enough for one command. */
const inPieces = (paths: string[]): string[][] => {
  const pieces: string[][] = []
  let room = 0
  for (const path of paths) {
    const size = Buffer.byteLength(path) + 8
    if (pieces.length === 0 || size > room) {
      pieces.push([])
      room = maxScript
    }
    pieces.at(-1)?.push(path)
    room -= size
  }
  return pieces
}

/** Removes what the step's globs match. Throws a Fault: `refused` if the guest does not do it. */
export const clearReports = async (
  clone: Clone,
  { files }: Pick<TestStep, 'files'>,
  signal: AbortSignal,
): Promise<void> => {
  if (!files) return
  for (const piece of inPieces(await list(clone, files, signal))) {
    const script = `rm -f -- ${piece.map(path => shellWord(`./${path}`)).join(' ')}`
    await exec(clone, quietly('remove old report files', script), signal)
  }
}

/** The files that the step left. Without `files` in it: undefined. What the guest refuses is told as trouble; throws other Faults. */
export const fetchReports = async (
  clone: Clone,
  { files: globs }: Pick<TestStep, 'files'>,
  signal: AbortSignal,
): Promise<FoundFiles | undefined> => {
  if (!globs) return undefined
  const files: ReportFile[] = []
  try {
    const paths = await list(clone, globs, signal)
    if (paths.length > maxFiles)
      return { files, trouble: `it left ${paths.length} report files; ${maxFiles} are read` }
    let room = maxBytes
    for (const piece of inPieces(paths)) {
      const read = await readTar(clone, piece, room)
      files.push(...read.files)
      room = Math.max(1, room - read.bytes)
    }
    return { files, trouble: undefined }
  } catch (error) {
    if (!(error instanceof Fault) || error.kind !== 'refused') throw error
    return { files, trouble: `its report files cannot be read: ${error.message}` }
  }
}

const readTar = async (
  clone: Clone,
  paths: string[],
  limit: number,
): Promise<{ files: ReportFile[]; bytes: number }> => {
  const unpacked = extract()
  const stream = await clone.read(sourceFolder, { tar: paths.map(path => `./${path}`), limit })
  stream.on('error', error => unpacked.destroy(error))
  stream.pipe(unpacked)
  const files: ReportFile[] = []
  let bytes = 0
  for await (const entry of unpacked) {
    const { name, type } = entry.header
    const content = await text(entry)
    bytes += 1024 + content.length
    if (type === 'file') files.push({ path: name.replace(/^(?:\.\/)+/, ''), text: content })
  }
  return { files, bytes }
}

type Said = { output: string; ending: Ending; found: FoundFiles | undefined }

/** The report of a step: what it printed, and what it left. */
export const reportOfStep = (step: TestStep, { output, ending, found }: Said): Report => {
  const { pattern } = step
  const report = parseReport(step.report, output, ending, step.name, { pattern, files: found?.files })
  return found?.trouble === undefined ? report : { ...report, state: 'truncated', why: found.trouble }
}
