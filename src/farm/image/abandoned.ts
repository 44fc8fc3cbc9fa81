// What a build left behind that was killed with no chance to clean up: folders that nobody has touched for longer than any build takes.
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

const longerThanAnyBuildMs = 6 * 3_600_000

type Place = { folder: string; prefix: string }

/** Removes abandoned folders of that prefix. */
export const sweepAbandoned = async (
  { folder, prefix }: Place,
  remove: (path: string) => Promise<void>,
): Promise<void> => {
  const names = (await readdir(folder)).filter(name => name.startsWith(prefix))
  for (const name of names) {
    const path = join(folder, name)
    const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: Number.POSITIVE_INFINITY }))
    if (Date.now() - mtimeMs > longerThanAnyBuildMs) await remove(path)
  }
}
