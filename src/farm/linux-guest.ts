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

/** Words of 3 and 64 characters between control characters: how a stream out of the guest ends. */
export const trailerLength = (nonce: string): number => nonce.length + 3 + 64 + 4

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
      `exec </dev/null 1<>${run}/log 2>&1; mkdir -p "$1" && cd "$1" && exec setsid "$2" -c "$3"`,
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

  /** Takes so many bytes off the stream port into a file; prints their digest when they are stored. */
  receiveFile: (path: string, size: number): ExecRequest =>
    sh(
      `case "$1" in */*) mkdir -p "\${1%/*}/" || exit 1;; esac
       exec 3<${port('stream')}; head -c "$2" <&3 > "$1" && sha256sum < "$1"`,
      path,
      String(size),
    ),

  /** The same, unpacked as a tar stream into a folder. */
  receiveTar: (folder: string, size: number): ExecRequest =>
    sh(
      `mkdir -p "$1" && t=$(mktemp -d) && mkfifo $t/copy || exit 1
       exec 3<${port('stream')}
       sha256sum < $t/copy > $t/digest &
       head -c "$2" <&3 | tee $t/copy | { tar -xf - -C "$1"; rc=$?; cat > /dev/null; exit $rc; }; rc=$?
       wait; cat $t/digest; rm -rf $t; exit $rc`,
      folder,
      String(size),
    ),

  /** Sends a file, or named paths below a folder as a tar stream, and then a trailer: nonce, exit code, digest. Waits for the host's word before it closes. */
  send: (path: string, tar: string[] | undefined, nonce: string): ExecRequest =>
    sh(
      `path=$1 nonce=$2; shift 2; t=$(mktemp -d) && mkfifo $t/copy || exit 1
       exec 3<>${port('stream')}
       sha256sum < $t/copy > $t/digest &
       { ${tar ? 'tar -cf - -C "$path" -- "$@"' : 'cat -- "$path"'}; echo $? > $t/rc; } | tee $t/copy >&3
       wait; read -r digest rest < $t/digest; read -r rc < $t/rc; rm -rf $t
       printf '\\036%s %03d %s\\036' "$nonce" "$rc" "$digest" >&3
       read -r word <&3; exit $rc`,
      path,
      nonce,
      ...(tar ?? []),
    ),
} as const
