// The initial memory file system: a folder tree with busybox and the modules in it, packed with cpio.
import { chmod, copyFile, mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { runCommand } from './command.ts'
import { type Kernel, placeKernel } from './kernel.ts'
import { guestScripts } from './source.ts'

/** Makes the tree that every guest starts from. `image`: where the kernel goes. */
export const layInitramfs = async (
  kernel: Kernel,
  files: { tree: string; busybox: string; image: string },
) => {
  const { tree, busybox, image } = files
  const folders = [
    'usr/bin',
    'usr/lib',
    'usr/lib64',
    'etc',
    'modules',
    'proc',
    'sys',
    'dev',
    'run',
    'root',
    'tmp',
    'var',
  ]
  await chmod(tree, 0o755)
  for (const folder of folders) await mkdir(join(tree, folder), { recursive: true })
  const links = {
    bin: 'usr/bin',
    sbin: 'usr/bin',
    lib: 'usr/lib',
    lib64: 'usr/lib64',
    'usr/sbin': 'bin',
    'var/run': '../run',
  }
  for (const [from, to] of Object.entries(links)) await symlink(to, join(tree, from))
  await copyFile(busybox, join(tree, 'usr/bin/busybox'))
  await writeFile(join(tree, 'init'), guestScripts.early, { mode: 0o755 })
  await placeKernel(kernel, { image, modules: join(tree, 'modules') })
}

/** Packs a tree as root's, uncompressed: a guest boots faster from it than it could unpack it. */
export const packInitramfs = async (tree: string, file: string, signal?: AbortSignal): Promise<void> => {
  // Not the plain names that readdir can give: those follow links to folders, and everything would be there twice.
  const entries = await readdir(tree, { recursive: true, withFileTypes: true })
  const names = ['.', ...entries.map(entry => relative(tree, join(entry.parentPath, entry.name))).sort()]
  const args = ['--null', '--create', '--format=newc', '--owner=0:0', '--quiet', '-O', file]
  await runCommand({ command: 'cpio', args, cwd: tree, input: names.join('\0'), timeoutMs: 120_000, signal })
}
