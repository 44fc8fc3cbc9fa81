// qemu-img on disks that we did not make: the format is always said and never guessed, and memory, time and files are limited (qemu-img(1), prlimit(1)).
import { z } from 'zod'
import { Fault } from '../../model/fault.ts'
import { runCommand } from './command.ts'

export type DiskFormat = 'raw' | 'qcow2'
export type Disk = { file: string; format: DiskFormat }
type More = { signal?: AbortSignal | undefined; onLine?: (line: string) => void }

/** Far above what the largest sound disk takes. */
const memoryBytes = 2 ** 31
const minute = 60_000

const qemuImg = (
  args: string[],
  { limits, ...more }: More & { limits: string[]; timeoutMs: number; answers?: number[] },
): Promise<string> =>
  runCommand({
    command: 'prlimit',
    title: `qemu-img ${args[0]}`,
    args: [`--as=${memoryBytes}`, '--core=0', ...limits, '--', 'qemu-img', ...args],
    ...more,
  })

/** Only reads: it may write no file, and takes no longer than so. */
const reading = (seconds: number) => ({
  limits: ['--fsize=0', `--cpu=${seconds}`],
  timeoutMs: 4 * seconds * 1000,
})

const infoSchema = z.object({ 'virtual-size': z.int().nonnegative(), format: z.string() })

/** Length of the disk as the guest sees it. Fault refused. */
export const virtualBytesOf = async ({ file, format }: Disk, more: More = {}): Promise<number> => {
  const text = await qemuImg(['info', '--output=json', '-f', format, nameOf(file)], {
    ...reading(30),
    ...more,
  })
  return parse(infoSchema, text)['virtual-size']
}

const measureSchema = z.object({ required: z.int().nonnegative() })

/** Bytes that the disk takes at most as a qcow2. Fault refused. */
export const neededBytesOf = async ({ file, format }: Disk, more: More = {}): Promise<number> => {
  const args = ['measure', '--output=json', '-f', format, '-O', 'qcow2', nameOf(file)]
  return parse(measureSchema, await qemuImg(args, { ...reading(60), ...more })).required
}

const checkSchema = z.object({
  corruptions: z.int().default(0),
  'check-errors': z.int().default(0),
})

/** What is wrong with a qcow2's own tables; undefined if they are sound. Lost clusters only waste room. Fault refused if it cannot be checked. */
export const flawOf = async (file: string, more: More = {}): Promise<string | undefined> => {
  const args = ['check', '--output=json', '-f', 'qcow2', nameOf(file)]
  const text = await qemuImg(args, { ...reading(300), answers: [2, 3], ...more })
  const { corruptions, 'check-errors': errors } = parse(checkSchema, text)
  return corruptions + errors > 0 ? `qemu-img check finds ${corruptions + errors} errors in it` : undefined
}

/** Copies a disk into a new qcow2; says percents. Faults: refused with qemu-img's words, exhausted (no room). */
export const convertDisk = async (
  from: Disk,
  to: string,
  { onPercent, signal }: { onPercent: (percent: number) => void; signal?: AbortSignal | undefined },
): Promise<void> => {
  const onLine = (line: string) => {
    const percent = line.match(/\((\d+(?:\.\d+)?)\/100%\)/)?.[1]
    if (percent !== undefined) onPercent(Number(percent))
  }
  const args = ['convert', '-p', '-f', from.format, '-O', 'qcow2', nameOf(from.file), to]
  try {
    await qemuImg(args, { limits: [], timeoutMs: 24 * 60 * minute, onLine, signal })
  } catch (error) {
    if (!(error instanceof Fault) || !/No space left|Disk quota/.test(error.message)) throw error
    throw new Fault('exhausted', 'later', error.message, { cause: error })
  }
}

/** qemu-img reads `json:…` and `nbd:…` as more than a name, but not behind `file:`. */
const nameOf = (file: string): string => `file:${file}`

const parse = <T>(schema: z.ZodType<T>, text: string): T => {
  try {
    return schema.parse(JSON.parse(text))
  } catch (error) {
    throw new Fault('malformed', 'never', `qemu-img does not say what it should: ${text.slice(0, 200)}`, {
      cause: error,
    })
  }
}
