// Everything that the farm says to a Linux guest, as shell text: POSIX sh, and tools that busybox has too. No other file knows the guest's system.
import type { Instant } from '../model/instant.ts'
import type { ExecRequest } from './agent.ts'

const run = '/run/grapevine'
const port = (name: string) => `/dev/virtio-ports/grapevine.${name}`

const env = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
  'USER=root',
  'LOGNAME=root',
  'SHELL=/bin/sh',
  'LANG=C.UTF-8',
  'TZ=UTC',
]

const sh = (script: string, ...args: string[]): ExecRequest => ({
  path: '/bin/sh',
  args: ['-c', script, 'grapevine', ...args],
  env,
  capture: true,
})

export type LinuxGuest = typeof linuxGuest

/** The guest's digest program, and what Node calls it: emulated, 64-bit arithmetic makes it faster than SHA-256. */
const digest = 'sha512sum'
export const streamDigest = 'sha512'

const block = 65_536

export const linuxGuest = {
  /** Once before the freeze. One process owns the log port: it passes on what commands write into a FIFO, and sends marks that
   *  the host asks for back through the same FIFO. The FIFO is open for both ways, so that no writer waits and none ends it. */
  plumb: (): ExecRequest =>
    sh(
      `mkdir -p ${run} && rm -f ${run}/log && mkfifo ${run}/log || exit 1
       setsid sh -c 'exec 3<>${port('log')} 4<>${run}/log </dev/null >/dev/null 2>&1
         cat <&4 >&3 & while read -r mark <&3; do printf "\\036%s\\036" "$mark" >&4; done' &
       exit 0`,
    ),

  /** What the guest sends for a mark, after all output that was written before. */
  mark: (nonce: string): Buffer => Buffer.from(`\x1e${nonce}\x1e`),

  /** A command in its own session, with the process id that the agent gives as session id. */
  launch: (command: { folder: string; script: string; shell: string }): ExecRequest => ({
    ...sh(
      `exec </dev/null 1<>${run}/log 2>&1; cd "$1" 2>/dev/null || { mkdir -p "$1" && cd "$1"; } && exec setsid "$2" -c "$3"`,
      command.folder,
      command.shell,
      command.script,
    ),
    capture: false,
  }),

  /** Kills a session, all process groups in it, until none is left (proc(5): field 6 of stat is the session). */
  kill: (session: number): ExecRequest =>
    sh(
      `for round in 1 2 3 4 5 6 7 8 9; do
         found=
         for stat in /proc/[0-9]*/stat; do
           read -r line < "$stat" || continue
           set -- \${line##*) }
           [ "$4" = ${session} ] && [ "$1" != Z ] && kill -9 "\${line%% *}" && found=1
         done 2>/dev/null
         [ "$found" ] || exit 0
       done
       exit 1`,
    ),

  /** After a fork: the guest's clock stands where the template's stood, and its name is the template's. */
  wake: (now: Instant, name: string): ExecRequest =>
    sh(
      'date -u -s "@$1" >/dev/null; echo "$2" > /proc/sys/kernel/hostname',
      String(Math.ceil(now / 1000)),
      name,
    ),

  /** Before the freeze: random numbers are there (/dev/random waits for "crng init done"), and the disk has what it should have. */
  settle: (): ExecRequest => sh('head -c 1 /dev/random > /dev/null && sync'),

  /** Leaves random bytes in memory, and on the disk if there is one, and prints their digests. */
  plantCanary: (disk: boolean): ExecRequest =>
    sh(
      `head -c 1048576 /dev/urandom > ${run}/canary && sha256sum < ${run}/canary || exit 1
       ${disk ? 'head -c 1048576 /dev/urandom > /.grapevine-canary && sync && sha256sum < /.grapevine-canary' : ''}`,
    ),

  /** Prints the same digests in a fork; the disk's bytes are read from the disk, not from the guest's cache. */
  readCanary: (disk: boolean): ExecRequest =>
    sh(
      `sha256sum < ${run}/canary || exit 1
       ${disk ? 'echo 3 > /proc/sys/vm/drop_caches; sha256sum < /.grapevine-canary' : ''}`,
    ),

  /** Takes so many bytes off the stream port into a file, or unpacks them as a tar stream into a folder; prints their digest when they
   *  are stored. dd and a file in between, because busybox's head and tee move single characters. */
  receive: ({ path, size, untar }: { path: string; size: number; untar: boolean }): ExecRequest =>
    sh(
      `path=$1 size=$2; umask 022
       case $path in */*) mkdir -p "\${path%/*}/" || exit 1;; esac
       ${untar ? 'mkdir -p "$path" && file=$(mktemp -p "$path") || exit 1' : 'file=$path'}
       exec 3<${port('stream')}
       { dd bs=${block} count=$((size / ${block})) iflag=fullblock <&3 &&
         if [ $((size % ${block})) -gt 0 ]; then dd bs=$((size % ${block})) count=1 iflag=fullblock <&3; fi
       } 2>/dev/null > "$file" || { echo "cannot write $file" >&2; exit 1; }
       ${digest} < "$file" || exit 1
       ${untar ? 'tar -xf "$file" -C "$path"; rc=$?; rm -f "$file"; exit $rc' : ''}`,
      path,
      String(size),
    ),

  /** Sends a file, or named paths below a folder as a tar stream: its length, its bytes, its digest. Waits for the host's word before it closes the port. */
  send: (path: string, tar: string[] | undefined): ExecRequest =>
    sh(
      `path=$1; shift; mkdir -p /var/tmp && t=$(mktemp -d -p /var/tmp) || exit 1
       trap 'rm -rf $t' EXIT
       ${tar ? 'file=$t/tar; tar -cf $file -C "$path" -- "$@" || exit 1' : 'file=$path; [ -f "$file" ] || { echo "there is no file $file" >&2; exit 1; }'}
       size=$(stat -L -c %s "$file") || exit 1
       ${digest} < "$file" > $t/digest &
       exec 3<>${port('stream')}
       echo "$size" >&3 && cat "$file" >&3 && wait && cat $t/digest >&3 && read -r word <&3`,
      path,
      ...(tar ?? []),
    ),
} as const
