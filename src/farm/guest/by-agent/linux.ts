// A Linux guest by its agent alone: POSIX sh, and tools that busybox has too.
import type { AgentDialect, Tail } from './dialect.ts'
import { openGuestFile } from './file.ts'
import type { AgentPort, Program } from './port.ts'

const folder = '/var/tmp/grapevine'
const pullBytes = 1 << 20

const env = [
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  'HOME=/root',
  'USER=root',
  'LOGNAME=root',
  'SHELL=/bin/sh',
  'LANG=C.UTF-8',
  'TZ=UTC',
]

const sh = (script: string, ...args: string[]): Program => ({
  path: '/bin/sh',
  args: ['-c', script, 'grapevine', ...args],
  env,
})

const measured = 'size=$(stat -L -c %s "$file") && set -- $(sha256sum < "$file") && echo "$size $1"'

/** RNDRESEEDCRNG (random(4)): what was written into the pool counts from now on. A kernel with vmgenid did it by itself. */
const reseed = `
  printf %s "$3" > /dev/urandom
  { perl -e 'open(F, ">", "/dev/urandom") && ioctl(F, 0x5207, 0) || exit 1' ||
    python3 -c 'import fcntl; fcntl.ioctl(open("/dev/urandom", "wb"), 0x5207)'; } 2>/dev/null || :`

const tail = async (port: AgentPort, path: string, span: number): Promise<Tail> => {
  // The file is there before the command, which writes at its end; reading a file beyond its end is asked for again later.
  const file = await openGuestFile(port, { path, mode: 'w+b', span })
  let offset = 0
  return {
    pull: async () => {
      const bytes = await file.read(offset, pullBytes)
      offset += bytes.length
      return bytes
    },
    close: () => file.close(),
  }
}

export const linuxByAgent: AgentDialect = {
  os: 'linux',
  shell: '/bin/sh',
  scratch: nonce => `${folder}/${nonce}`,
  settleIn: () => sh(`mkdir -p ${folder} && chmod 700 ${folder}`),
  tail,

  // A session of its own, with the process id that the agent gives as session id. The output's name goes at once: nothing of it is left
  // when both sides have closed it.
  launch: ({ shell, script, folder, output }) =>
    sh(
      `exec </dev/null >>"$1" 2>&1; rm -f "$1"; cd "$2" 2>/dev/null || { mkdir -p "$2" && cd "$2"; } && exec setsid "$3" -c "$4"`,
      output,
      folder,
      shell,
      script,
    ),

  // All process groups of the session (proc(5): field 6 of stat is the session), until none is left.
  kill: pid =>
    sh(
      `for round in 1 2 3 4 5 6 7 8 9; do
         found=
         for stat in /proc/[0-9]*/stat; do
           read -r line < "$stat" || continue
           set -- \${line##*) }
           [ "$4" = ${pid} ] && [ "$1" != Z ] && kill -9 "\${line%% *}" && found=1
         done 2>/dev/null
         [ "$found" ] || exit 0
       done
       exit 1`,
    ),

  wake: ({ now, name, seed }) =>
    sh(
      `date -u -s "@$1" >/dev/null; echo "$2" > /proc/sys/kernel/hostname; ${reseed}`,
      String(Math.ceil(now / 1000)),
      name,
      seed,
    ),

  bootMark: () => sh('cat /proc/sys/kernel/random/boot_id'),
  sync: () => sh('sync'),
  makeRoom: path => sh('case $1 in */*) mkdir -p "$(dirname "$1")";; esac', path),
  measure: path =>
    sh(`file=$1; [ -f "$file" ] || { echo "there is no file $file" >&2; exit 1; }; ${measured}`, path),
  unpack: (archive, folder) =>
    sh('mkdir -p "$2" && tar -xf "$1" -C "$2"; rc=$?; rm -f "$1"; exit $rc', archive, folder),
  pack: (folder, paths, archive) =>
    sh(
      `file=$1 folder=$2; shift 2; tar -cf "$file" -C "$folder" -- "$@" && ${measured} || { rm -f "$file"; exit 1; }`,
      archive,
      folder,
      ...paths,
    ),
  remove: path => sh('rm -f "$1"', path),
}
