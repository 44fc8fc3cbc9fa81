// The doctor's look at this host: programs, KVM, the clock.
import { access, constants, stat } from 'node:fs/promises'
import { hostPackages } from '../../farm/image/host-packages.ts'
import { advice, bad, type Check, fine } from './check.ts'
import { findProgram, isAtLeast, versionOf } from './program.ts'

const deadlineMs = 15_000

type Program = { command: string; package: string; atLeast?: string; unlessRoot?: true }

/** git 2.34 is the oldest that it is tested with; BullMQ wants Redis 6.2. */
const programs: Program[] = [
  { command: 'git', package: 'git', atLeast: '2.34' },
  { command: 'redis-server', package: 'redis-server', atLeast: '6.2' },
  ...hostPackages,
]

const askProgram = async (program: Program, signal: AbortSignal) => {
  const install = `apt-get install ${program.package}`
  const file = await findProgram(program.command)
  if (file === undefined) return bad('is not installed', install)
  const { atLeast } = program
  if (atLeast === undefined) return fine(file)
  const version = await versionOf(file, signal)
  if (version === undefined) return bad(`${file} does not tell its version`, install)
  return isAtLeast(version, atLeast)
    ? fine(`${file}, ${version}`)
    : bad(`${file} is ${version}; ${atLeast} or newer is needed`, `Install a newer ${program.command}.`)
}

const askKvm = async () => {
  const there = await stat('/dev/kvm').catch(() => undefined)
  const slower = 'guests are emulated, which works and is several times slower'
  if (there === undefined)
    return advice(
      `there is no /dev/kvm: ${slower}`,
      'Use a host with hardware virtualization, or switch it on.',
    )
  const usable = await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
    () => true,
    () => false,
  )
  if (!usable)
    return advice(`/dev/kvm may not be opened: ${slower}`, 'Add this user to the group kvm: adduser USER kvm')
  // A worker that is root runs QEMU as another user, who has the device's group, but never root's.
  const isShut = (there.mode & 0o006) !== 0o006 && ((there.mode & 0o060) !== 0o060 || there.gid === 0)
  if (process.getuid?.() === 0 && isShut)
    return advice(
      `/dev/kvm may be opened by root only, and QEMU does not run as root: ${slower}`,
      'chgrp kvm /dev/kvm; chmod 660 /dev/kvm',
    )
  return fine('/dev/kvm may be opened; whether guests work with it, the qualification says')
}

/** A host without a battery begins in 1970 or where it stopped. */
const askClock = async () => {
  const { mtimeMs } = await stat(new URL('../../../package.json', import.meta.url))
  const now = Date.now()
  const shown = new Date(now).toISOString()
  return now > mtimeMs
    ? fine(shown)
    : bad(`${shown} is earlier than this program was installed`, 'Set the clock: timedatectl set-ntp true')
}

const node: Check = {
  name: 'Node.js',
  deadlineMs,
  ask: () =>
    isAtLeast(process.versions.node, '24.0')
      ? fine(process.versions.node)
      : bad(
          `${process.versions.node} is too old`,
          'Start it as bin/grapevine; if that fails: node setup.mjs',
        ),
}

/** Does not need a configuration. `redis`: is a server of our own needed? */
export const hostChecks = ({ redis }: { redis: boolean }): Check[] => [
  node,
  ...programs
    .filter(program => redis || program.command !== 'redis-server')
    .filter(program => !program.unlessRoot || process.getuid?.() !== 0)
    .map(program => ({
      name: program.command,
      deadlineMs,
      ask: (signal: AbortSignal) => askProgram(program, signal),
    })),
  { name: 'KVM', deadlineMs, ask: askKvm },
  { name: 'clock', deadlineMs, ask: askClock },
]
