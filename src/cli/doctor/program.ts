// Looks for a program on this host, and asks it for its version.
import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** Only root's PATH leads to the last ones. */
const folders = () => [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin']

export const findProgram = async (name: string): Promise<string | undefined> => {
  for (const folder of folders().filter(Boolean)) {
    const file = join(folder, name)
    const runs = await access(file, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (runs) return file
  }
  return undefined
}

/** The first number like 7.2.13 in what `FILE --version` prints; undefined if there is none. */
export const versionOf = (file: string, signal: AbortSignal): Promise<string | undefined> =>
  new Promise(resolve => {
    execFile(file, ['--version'], { signal, timeout: 10_000 }, (_, stdout, stderr) =>
      resolve(/\d+(\.\d+)+/.exec(`${stdout}${stderr}`)?.[0]),
    )
  })

/** Is version `a` at least `b`? Numbers with dots. */
export const isAtLeast = (a: string, b: string): boolean => {
  const numbers = (text: string) => text.split('.').map(Number)
  const [first, second] = [numbers(a), numbers(b)]
  const differs = second.findIndex((number, i) => (first[i] ?? 0) !== number)
  return differs === -1 || (first[differs] ?? 0) > (second[differs] ?? 0)
}
