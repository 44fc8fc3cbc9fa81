// A file that holds one mail and nothing else, as `git format-patch` writes it to a file without its "From " line.
import { readFile, stat } from 'node:fs/promises'
import { Fault } from '../../model/fault.ts'
import type { MailSource } from '../../ports/mail-source.ts'

/** Read once; its cursor is that it was read. */
export const mailFileSource = ({ name, path }: { name: string; path: string }): MailSource => ({
  name,
  async *read(cursor) {
    if (cursor === 'read') return
    try {
      const raw = await readFile(path)
      const { mtimeMs } = await stat(path)
      yield { mails: [{ raw, arrivedAt: Math.floor(mtimeMs), where: path }], cursor: 'read' }
    } catch (error) {
      throw new Fault('unreachable', 'never', `mail file ${path}: ${(error as Error).message}`, {
        cause: error,
      })
    }
  },
  watch: () => () => {},
})
