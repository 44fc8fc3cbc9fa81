// The initial memory file system: a folder tree with busybox and the modules in it, packed with cpio.
import { chmod, copyFile, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { runCommand } from './command.ts'
import { guestScripts } from './source.ts'

const system = ['usr/bin', 'usr/lib', 'usr/lib64', 'etc', 'modules', 'root', 'var']
const mountPoints = ['proc', 'sys', 'dev', 'run', 'tmp']

/** One folder of programs and one of libraries, under every name that they have had. */
const links = {
  bin: 'usr/bin',
  sbin: 'usr/bin',
  lib: 'usr/lib',
  lib64: 'usr/lib64',
  'usr/sbin': 'bin',
  'var/run': '../run',
}

type Parts = { tree: string; busybox: string; modules: string }

/** Makes the tree that every guest starts from. `modules`: a folder of modules, named in the order in which they are loaded. */
export const layInitramfs = async ({ tree, busybox, modules }: Parts): Promise<void> => {
  await chmod(tree, 0o755)
  for (const folder of [...system, ...mountPoints]) await mkdir(join(tree, folder), { recursive: true })
  for (const [from, to] of Object.entries(links)) await symlink(to, join(tree, from))
  await copyFile(busybox, join(tree, 'usr/bin/busybox'))
  await chmod(join(tree, 'usr/bin/busybox'), 0o755)
  await writeFile(join(tree, 'init'), guestScripts.early, { mode: 0o755 })
  for (const name of await readdir(modules)) await copyFile(join(modules, name), join(tree, 'modules', name))
}

/** Packs a tree as root's, uncompressed: a guest boots faster from it than it could unpack it. */
export const packInitramfs = async (tree: string, file: string, signal?: AbortSignal): Promise<void> => {
  // Not the plain names that readdir can give: those follow links to folders, and everything would be there twice.
  const entries = await readdir(tree, { recursive: true, withFileTypes: true })
  const names = ['.', ...entries.map(entry => relative(tree, join(entry.parentPath, entry.name))).sort()]
  const args = ['--null', '--create', '--format=newc', '--owner=0:0', '--quiet', '-O', file]
  await runCommand({ command: 'cpio', args, cwd: tree, input: names.join('\0'), timeoutMs: 120_000, signal })
}
