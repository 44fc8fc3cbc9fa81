// Trouble of the host's own for the farm's tests: a disk that fails or is full below a running guest.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export const isRoot = process.getuid?.() === 0

/** While it is in use, every QEMU that is started gets this error number (errno(3)) for each write to its guest's disk. */
export const withFailingDisk = async (errno: number, use: () => Promise<void>): Promise<void> => {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-qemu-'))
  chmodSync(folder, 0o755)
  const before = process.env.PATH ?? ''
  const rule = `"inject-error":[{"event":"none","iotype":"write","errno":${errno}}]`
  const script = `#!/bin/sh
n=$#
while [ $n -gt 0 ]; do
  case $1 in
    *'"node-name":"disk"'*)
      set -- "$@" "$(printf %s "$1" | sed 's/"file":\\({"driver":"file","filename":"[^"]*"}\\)/"file":{"driver":"blkdebug",${rule},"image":\\1}/')" ;;
    *) set -- "$@" "$1" ;;
  esac
  shift; n=$((n - 1))
done
PATH='${before}' exec qemu-system-x86_64 "$@"
`
  writeFileSync(join(folder, 'qemu-system-x86_64'), script, { mode: 0o755 })
  process.env.PATH = `${folder}:${before}`
  try {
    await use()
  } finally {
    process.env.PATH = before
    rmSync(folder, { recursive: true })
  }
}

/** Runs a program as the user of that process. */
export const asItsUser = (pid: number, command: [string, ...string[]]): void => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const id = (field: string) => status.match(new RegExp(`^${field}:\\s+(\\d+)`, 'm'))?.[1] ?? ''
  const [program, ...args] = isRoot
    ? ['setpriv', '--reuid', id('Uid'), '--regid', id('Gid'), '--clear-groups', '--', ...command]
    : command
  execFileSync(program, args)
}

/** A file system of its own at the folder, which can be full from one moment to the next. For root only. */
export const mountSmall = (folder: string): { fill: () => void; remove: () => void } => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4g,mode=755', 'grapevine-test', folder])
  return {
    fill: () => void execFileSync('mount', ['-o', 'remount,size=2m', folder]),
    remove: () => void execFileSync('umount', [folder]),
  }
}
