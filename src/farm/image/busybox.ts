// The small guest: everything in memory. busybox for commands, the agent, and the C library for programs built in a Debian guest.
import { chmod, copyFile, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative } from 'node:path'
import { Fault } from '../../model/fault.ts'
import type { Archive } from './archive.ts'
import { runCommand } from './command.ts'
import { guestScripts } from './source.ts'

const libraryFolders = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu', 'lib64', 'usr/lib64', 'usr/lib']

/** The C library in all its parts, whatever the agent needs of it. */
const libc =
  /^(ld-linux-x86-64|libc|libm|libmvec|libpthread|libdl|librt|libutil|libresolv|libanl|libnss_\w+|libgcc_s)\.so\.\d+$/

/** What the agent's and other packages' maintainer scripts need, which are not run here: no program is linked with any of it. */
const tools = /^(perl|libperl|usrmerge|init-system-helpers|dpkg|tar|debconf|debianutils|coreutils)/

const etc = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  group: 'root:x:0:\ntty:x:5:\nnogroup:x:65534:\n',
  hosts: '127.0.0.1 localhost guest\n',
  hostname: 'guest\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files\n',
}

type Furniture = {
  tree: string
  archive: Archive
  /** Besides what every guest has: these are copied whole, with the libraries that they need. */
  packages: string[]
  /** A folder to unpack packages in. */
  work: string
  signal?: AbortSignal | undefined
}

/** Fills the tree of an initramfs with a whole small system. */
export const furnish = async ({ tree, archive, packages, work, signal }: Furniture): Promise<void> => {
  const unpacked = join(work, 'system')
  const names = ['qemu-guest-agent', 'libc6', 'libgcc-s1', ...packages]
  const keep = (name: string) => names.includes(name) || !tools.test(name)
  const resolved = await archive.resolve(names, keep)
  await archive.unpack(resolved, unpacked)
  const extra = join(work, 'extra')
  await mkdir(extra, { recursive: true })
  await archive.unpack(
    resolved.filter(({ name }) => packages.includes(name)),
    extra,
  )

  const agent = join(unpacked, 'usr/sbin/qemu-ga')
  await copyFile(agent, join(tree, 'usr/bin/qemu-ga'))
  const programs = [agent, ...(await copyWhole(extra, tree))]
  for (const file of await librariesOf(programs, unpacked, signal)) await copyLibrary(file, unpacked, tree)

  const busybox = join(tree, 'usr/bin/busybox')
  const applets = await runCommand({ command: busybox, args: ['--list'], timeoutMs: 10_000, signal })
  for (const applet of applets.split('\n')) {
    if (applet && applet !== 'busybox')
      await symlink('busybox', join(tree, 'usr/bin', applet)).catch(ignoreExisting)
  }
  for (const [name, text] of Object.entries(etc)) await writeFile(join(tree, 'etc', name), text)
  await writeFile(join(tree, 'usr/bin/guest-init'), guestScripts.init, { mode: 0o755 })
}

/** busybox has an applet of a name that a package brings as a program: the program stays. */
const ignoreExisting = (error: NodeJS.ErrnoException): void => {
  if (error.code !== 'EEXIST') throw error
}

/** Copies what the named packages hold but their documents; gives the files that may need libraries. */
const copyWhole = async (from: string, tree: string): Promise<string[]> => {
  const programs: string[] = []
  for (const entry of await readdir(from, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    const inside = relative(from, path)
    if (entry.isDirectory() || /^usr\/share\/(doc|man|locale|lintian)\//.test(inside)) continue
    const target = join(tree, inside)
    await mkdir(dirname(target), { recursive: true })
    if (entry.isSymbolicLink()) await symlink(await readlink(path), target)
    else await copyFile(path, target)
    if (entry.isFile() && (await isElf(path))) programs.push(path)
  }
  return programs
}

const isElf = async (file: string): Promise<boolean> =>
  (await readFile(file)).subarray(0, 4).toString('latin1') === '\x7fELF'

/** Asks the unpacked dynamic linker itself (ld.so(8), --list), so that no library of the host gets in. */
const librariesOf = async (
  programs: string[],
  unpacked: string,
  signal?: AbortSignal,
): Promise<Set<string>> => {
  const folders = libraryFolders.map(folder => join(unpacked, folder))
  const found = new Set<string>()
  for (const folder of folders) {
    for (const name of await readdir(folder).catch(() => []))
      if (libc.test(name)) found.add(join(folder, name))
  }
  const loader = [...found].find(file => basename(file).startsWith('ld-linux'))
  if (!loader) throw new Fault('malformed', 'never', 'the package libc6 holds no dynamic linker')
  for (const program of programs) {
    const args = ['--inhibit-cache', '--library-path', folders.join(':'), '--list', program]
    const list = await runCommand({ command: loader, args, timeoutMs: 30_000, signal })
    for (const [, library = ''] of list.matchAll(/=> (\/\S+)/g)) {
      if (library.startsWith(unpacked)) found.add(library)
      else
        throw new Fault(
          'malformed',
          'never',
          `${basename(program)} needs ${library}, which none of the packages holds`,
        )
    }
  }
  return found
}

const copyLibrary = async (file: string, unpacked: string, tree: string): Promise<void> => {
  const target = join(tree, relative(unpacked, file))
  await mkdir(dirname(target), { recursive: true })
  // An absolute link, as that of the dynamic linker, means the guest's root, not the host's.
  const link = await readlink(file).catch(() => undefined)
  const place =
    link === undefined ? file : link.startsWith('/') ? join(unpacked, link) : join(dirname(file), link)
  await copyFile(place, target)
  await chmod(target, 0o755)
}
