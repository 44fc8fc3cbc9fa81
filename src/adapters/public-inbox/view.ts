// A private git folder through which an archive is read: its refs copied, its objects where they are. Used by source.ts.
// So an archive of another user can be read, one without its empty folders too, and no configuration in it takes effect.
import { spawn } from 'node:child_process'
import { cp, mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Fault } from '../../model/fault.ts'
import { errnoOf } from '../../text/errno.ts'

/** One git repository of an archive. Archives are split so that none grows too large. */
export type Epoch = { number: number; path: string; kind: 'repository' | 'bundle' }

export type View = { gitDir: string; objects: string; close: () => Promise<void> }

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** The epochs of an archive, oldest first: a repository, a folder with `git/N.git` or `N.git`, or a bundle file. */
export const epochsOf = async (path: string): Promise<Epoch[]> => {
  if ((await stat(path)).isFile()) return [{ number: 0, path: await checkedBundle(path), kind: 'bundle' }]
  for (const folder of [join(path, 'git'), path]) {
    const numbers = (await namesIn(folder))
      .map(name => /^(\d+)\.git$/.exec(name)?.[1])
      .filter(n => n !== undefined)
    if (numbers.length > 0)
      return numbers
        .map(Number)
        .sort((a, b) => a - b)
        .map(number => ({ number, path: join(folder, `${number}.git`), kind: 'repository' }))
  }
  for (const folder of [path, join(path, '.git')])
    if (await exists(join(folder, 'objects'))) return [{ number: 0, path: folder, kind: 'repository' }]
  throw new Fault('refused', 'later', `public-inbox ${path}: no git repository is there`, {
    remedy: 'name the archive itself: a bare repository, or the folder that has git/0.git',
  })
}

const namesIn = async (folder: string): Promise<string[]> => {
  try {
    return await readdir(folder)
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return []
    throw error
  }
}

const checkedBundle = async (path: string): Promise<string> => {
  const file = await open(path, 'r')
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(20), 0, 20, 0)
    if (/^# v\d+ git bundle\n/.test(buffer.toString('latin1', 0, bytesRead))) return path
  } finally {
    await file.close()
  }
  throw new Fault('malformed', 'never', `public-inbox ${path}: is a file, but no git bundle`, {
    remedy: 'name a git repository or a bundle of one; an mbox or Maildir has its own kind of source',
  })
}

export const openView = async (epoch: Epoch): Promise<View> => {
  const gitDir = await mkdtemp(join(tmpdir(), 'grapevine-archive-'))
  const close = () => rm(gitDir, { recursive: true, force: true })
  try {
    for (const folder of ['refs/heads', 'objects/pack'])
      await mkdir(join(gitDir, folder), { recursive: true })
    await writeFile(join(gitDir, 'config'), '[core]\n\trepositoryformatversion = 0\n\tbare = true\n')
    await writeFile(join(gitDir, 'HEAD'), 'ref: refs/heads/master\n')
    if (epoch.kind === 'repository') await copyRefs(epoch.path, gitDir)
    else await unbundle(epoch.path, gitDir)
    const objects = join(epoch.kind === 'repository' ? epoch.path : gitDir, 'objects')
    return { gitDir, objects, close }
  } catch (error) {
    await close()
    throw error
  }
}

const copyRefs = async (from: string, gitDir: string): Promise<void> => {
  await writeFile(join(gitDir, 'HEAD'), await readFile(join(from, 'HEAD')))
  for (const name of ['packed-refs', 'refs'])
    if (await exists(join(from, name))) await cp(join(from, name), join(gitDir, name), { recursive: true })
}

const unbundle = async (path: string, gitDir: string): Promise<void> => {
  const view = { gitDir, objects: join(gitDir, 'objects') }
  const heads = (await git(view, ['bundle', 'list-heads', path])).split('\n').map(line => line.split(' '))
  const branches = heads.filter(([, ref]) => ref?.startsWith('refs/heads/'))
  await git(view, ['bundle', 'unbundle', path])
  for (const [commit, ref] of branches.length > 0 ? branches : heads)
    if (commit && ref) await git(view, ['update-ref', ref === 'HEAD' ? 'refs/heads/master' : ref, commit])
}

/** Nothing of our own surroundings, and nothing fetched from anywhere, whatever the archive says. */
const environment = ({ gitDir, objects }: Omit<View, 'close'>): NodeJS.ProcessEnv => ({
  PATH: process.env.PATH,
  HOME: gitDir,
  LC_ALL: 'C',
  GIT_DIR: gitDir,
  GIT_OBJECT_DIRECTORY: objects,
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_NO_LAZY_FETCH: '1',
  GIT_NO_REPLACE_OBJECTS: '1',
  GIT_TERMINAL_PROMPT: '0',
})

/** Starts git on the view; its standard error is kept for the Fault. */
export const startGit = (view: Omit<View, 'close'>, args: string[]) => {
  const child = spawn('git', args, { env: environment(view), stdio: ['pipe', 'pipe', 'pipe'] })
  let stderr = ''
  child.stderr.on('data', chunk => {
    stderr = (stderr + String(chunk)).slice(-4096)
  })
  // A git that is gone is noticed by its exit; writing to it must not be a second, unheard error.
  child.stdin.on('error', () => undefined)
  const ended = new Promise<void>((resolve, reject) => {
    child.once('error', error =>
      reject(
        new Fault('exhausted', 'later', `git cannot be started: ${error.message}`, {
          cause: error,
          remedy: 'install git, or add it to the PATH',
        }),
      ),
    )
    child.once('close', code => {
      if (code === 0) resolve()
      else reject(gitFault(args, stderr.trim() || `it ended with ${code}`))
    })
  })
  ended.catch(() => undefined)
  return { child, ended }
}

const gitFault = (args: string[], stderr: string): Fault => {
  const line = stderr.split('\n').find(text => text.startsWith('fatal:')) ?? stderr.split('\n')[0]
  const full = /No space left/.test(stderr)
  return new Fault(full ? 'exhausted' : 'malformed', 'later', `git ${args[0]}: ${line}`, {
    cause: new Error(stderr),
    remedy: full ? `free space in ${tmpdir()}` : 'check the archive: git fsck',
  })
}

/** What git prints. Faults: malformed (git failed), exhausted (no git). */
export const git = async (view: Omit<View, 'close'>, args: string[]): Promise<string> => {
  const { child, ended } = startGit(view, args)
  child.stdin.end()
  let output = ''
  for await (const chunk of child.stdout) output += String(chunk)
  await ended
  return output.trim()
}

/** The same, undefined where git says no. */
export const gitMaybe = (view: Omit<View, 'close'>, args: string[]): Promise<string | undefined> =>
  git(view, args).catch(error => {
    if (error instanceof Fault && error.kind === 'malformed') return undefined
    throw error
  })
