// What kind of mail store lies at a path: for `replay PATH` and `submit FILE`, where nobody says it.
import { open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '../../model/fault.ts'
import { errnoFault } from '../../text/errno.ts'
import { isSeparator } from '../../text/mbox.ts'

/** mail: a file with one mail, as `git format-patch` without its "From " line, or an .eml. */
export type SourceKind = 'mbox' | 'maildir' | 'public-inbox' | 'mail'

/** A look at the file system, nothing is parsed. Fault refused: nothing is there, or a folder that is no mail store. */
export const detectSource = async (path: string): Promise<SourceKind> => {
  try {
    const there = await stat(path)
    if (there.isDirectory()) return await kindOfFolder(path)
    if (there.isFile()) return await kindOfFile(path)
  } catch (error) {
    throw errnoFault(error, 'mail source', path)
  }
  throw new Fault('refused', 'never', `mail source ${path}: it is neither a file nor a folder`)
}

const kindOfFolder = async (path: string): Promise<SourceKind> => {
  const names = new Set(await readdir(path))
  if (names.has('cur') && names.has('new')) return 'maildir'
  if (names.has('objects') && names.has('HEAD')) return 'public-inbox'
  if (names.has('.git') || [...names].some(name => /^\d+\.git$/.test(name))) return 'public-inbox'
  const epochs = names.has('git') ? await readdir(join(path, 'git')) : []
  if (epochs.some(name => /^\d+\.git$/.test(name))) return 'public-inbox'
  throw new Fault(
    'refused',
    'never',
    `mail source ${path}: the folder is neither a Maildir nor a public-inbox archive`,
    {
      remedy: 'a Maildir has the folders new and cur; an archive is a git repository or has git/0.git',
    },
  )
}

const kindOfFile = async (path: string): Promise<SourceKind> => {
  const file = await open(path, 'r')
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(1024), 0, 1024, 0)
    const first = buffer.toString('latin1', 0, bytesRead).split('\n', 1)[0] ?? ''
    if (/^# v\d+ git bundle$/.test(first)) return 'public-inbox'
    return isSeparator(first.trimEnd()) ? 'mbox' : 'mail'
  } finally {
    await file.close()
  }
}
