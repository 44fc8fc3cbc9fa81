// Which QEMU this host has, and the argument list of a virtual machine. The list is the device layout: a fork must have the frozen one's.
import { spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { z } from 'zod'
import type { DiskBus } from '../config/config.ts'
import { Fault } from '../model/fault.ts'
import { contentId } from '../text/digest.ts'
import { type Cell, type Jail, setpriv } from './jail.ts'
import { processor } from './processor.ts'
import { connectQmp, type Qmp } from './qmp.ts'

export type Accelerator = 'kvm' | 'tcg'

export type Qemu = {
  program: string
  /** With the distribution's package version: templates of another build are not loaded. */
  version: string
  /** The newest versioned machine type: it means the same hardware in every QEMU that knows it. */
  machine: string
  sandbox: boolean
  /** The host's: with KVM guests see it as it is. */
  processor: string
  /** Who its machines run as, and within what; undefined: as we do, without limits. */
  jail?: Jail
}

/** What the guest sees. Everything in here is part of the fingerprint. */
export type Layout = {
  memoryMiB: number
  cpus: number
  accelerator: Accelerator
  kernel: string | undefined
  initrd: string | undefined
  append: string
  disk: boolean
  /** What the disk hangs on; undefined: virtio. */
  bus?: DiskBus | undefined
  /** The UEFI firmware's code; undefined: SeaBIOS, which QEMU brings. */
  firmware?: string | undefined
}

/** Where a machine's files are; none of it can be seen by the guest. `backing`: from the overlay's own backing file down to the base. */
export type Places = {
  name: string
  memory: { file: string; shared: boolean }
  disk: { overlay: string; backing: { file: string; format: string }[] } | undefined
  /** Where UEFI firmware keeps its variables: a file of the machine's own, which it writes to. */
  vars?: string | undefined
  incoming: boolean
}

/** File descriptors that QEMU inherits: unix sockets to us, so that no path can be too long and nobody else can connect. */
export const channels = { qmp: 3, agent: 4, log: 5, stream: 6, incoming: 7, console: 8 } as const

const sandboxed = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'

/** The kernel kills QEMU when we die, however we die: PR_SET_PDEATHSIG. */
const dyingWithUs = (command: string[]) => [setpriv, '--pdeathsig', 'KILL', '--', ...command]

/** `wrap`: a jail's cell. */
export const spawnQemu = (command: string[], folder: string, wrap: Cell['wrap'] = dyingWithUs) => {
  const pipes = Object.values(channels).map(() => 'pipe' as const)
  const [program = '', ...args] = wrap(command)
  // Our own environment holds passwords, and QEMU needs none of it.
  const env = { PATH: process.env.PATH, LC_ALL: 'C' }
  const child = spawn(program, args, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe', ...pipes] })
  // Without file descriptors left, Node gives a child without streams, and tells the error later.
  if ((child.stdio as unknown) === undefined) {
    child.once('error', () => {})
    throw noDescriptors()
  }
  const channel = (fd: number) => child.stdio[fd] as unknown as Duplex
  // A broken pipe is told by the process's end; the sockets' own errors add nothing.
  for (const fd of Object.values(channels)) channel(fd).on('error', () => {})
  return { child, channel }
}

const noDescriptors = (): Fault =>
  new Fault('exhausted', 'soon', 'QEMU cannot be started: too many open files', {
    remedy: 'raise the limit of open files (ulimit -n, LimitNOFILE)',
  })

/** Asks the QEMU in $PATH what it is. Fault unreachable (never) with the package to install if there is none. */
export const probeQemu = async (program = 'qemu-system-x86_64'): Promise<Qemu> => {
  try {
    return await probe(program, true)
  } catch (error) {
    if (error instanceof Fault && /sandbox|seccomp/i.test(error.message)) return await probe(program, false)
    throw error
  }
}

const versionSchema = z.object({
  qemu: z.object({ major: z.number(), minor: z.number(), micro: z.number() }),
  package: z.string(),
})
const machinesSchema = z.array(z.object({ name: z.string() }))

const probe = async (program: string, sandbox: boolean): Promise<Qemu> => {
  const args = ['-machine', 'none', '-nodefaults', '-no-user-config', '-display', 'none', '-S', ...monitor]
  const { child, channel } = spawnQemu([program, ...(sandbox ? ['-sandbox', sandboxed] : []), ...args], '/')
  let stderr = ''
  child.stderr?.on('data', chunk => {
    stderr += chunk
  })
  const ended = new Promise<string>(resolve => {
    child.once('error', error => resolve(error.message))
    child.once('close', () => resolve(stderr.trim() || 'it ended at once'))
  })
  const failed = ended.then(why => {
    throw new Fault('unreachable', 'never', `${program} does not start: ${why}`, {
      remedy: 'install QEMU: apt-get install qemu-system-x86 qemu-utils',
    })
  })
  failed.catch(() => {})
  try {
    return await Promise.race([failed, ask(connectQmp(channel(channels.qmp), 30_000), program, sandbox)])
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

const ask = async (connecting: Promise<Qmp>, program: string, sandbox: boolean): Promise<Qemu> => {
  // A closed connection is told by the end of the process, with its words; a silence by nothing else.
  const qmp = await connecting.catch(error => {
    if (error instanceof Fault && error.kind === 'timeout') throw error
    return new Promise<never>(() => {})
  })
  const { qemu, package: build } = versionSchema.parse(await qmp.command('query-version'))
  const machines = machinesSchema.parse(await qmp.command('query-machines'))
  const newest = machines
    .map(({ name }) => ({
      name,
      version:
        name
          .match(/^pc-q35-(\d+)\.(\d+)$/)
          ?.slice(1)
          .map(Number) ?? [],
    }))
    .filter(({ version }) => version.length === 2)
    .sort((a, b) => (b.version[0] ?? 0) - (a.version[0] ?? 0) || (b.version[1] ?? 0) - (a.version[1] ?? 0))
    .at(0)
  if (!newest) throw new Fault('refused', 'never', `${program} knows no pc-q35 machine`)
  const version = `${qemu.major}.${qemu.minor}.${qemu.micro}${build && ` (${build})`}`
  return { program, version, machine: newest.name, sandbox, processor: processor() }
}

const monitor = ['-chardev', `socket,id=qmp,fd=${channels.qmp}`, '-mon', 'chardev=qmp,mode=control']

/** The processor of a guest. The emulated one is the same on every host; KVM's is the host's own. Without ERMS, because guests
 *  would copy and clear memory by `rep movsb`, which TCG does byte by byte: five times slower than word by word. */
export const cpuOf = (accelerator: Accelerator): string => (accelerator === 'kvm' ? 'host' : 'max,erms=off')

/** QEMU's arguments (qemu(1)). Panic and power-off pause the machine, so that a picture of it can still be taken. */
export const argumentsFor = (qemu: Qemu, layout: Layout, places: Places): string[] => {
  const { accelerator, memoryMiB } = layout
  const memory = {
    'qom-type': 'memory-backend-file',
    id: 'mem',
    size: memoryMiB * 1024 * 1024,
    'mem-path': places.memory.file,
    share: places.memory.shared,
  }
  const firmware = flash(layout, places)
  return [
    ...['-name', places.name],
    ...(qemu.sandbox ? ['-sandbox', sandboxed] : []),
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-object', JSON.stringify(memory)],
    ...firmware,
    ...[
      '-machine',
      `${qemu.machine},accel=${accelerator},memory-backend=mem${firmware.length > 0 ? flashed : ''}`,
    ],
    ...['-cpu', cpuOf(accelerator), '-smp', String(layout.cpus), '-m', `${memoryMiB}M`],
    ...['-action', 'reboot=shutdown,shutdown=pause,panic=pause', '-S'],
    ...monitor,
    ...['-chardev', `socket,id=console,fd=${channels.console}`, '-device', 'isa-serial,chardev=console'],
    ...['-device', 'vmgenid,guid=auto', '-device', 'pvpanic-pci', '-device', 'virtio-rng-pci', '-vga', 'std'],
    ...ports(),
    ...(layout.disk && places.disk ? drive(places.disk, layout.bus) : []),
    ...(layout.kernel ? ['-kernel', layout.kernel, '-append', layout.append] : []),
    // A fork never boots: its memory is there already, and 12 MB less are read for each.
    ...(layout.initrd && !places.incoming ? ['-initrd', layout.initrd] : []),
    ...(places.incoming ? ['-incoming', 'defer'] : []),
  ]
}

const ports = (): string[] => {
  const port = (id: 'agent' | 'log' | 'stream', name: string) => [
    ...['-chardev', `socket,id=${id},fd=${channels[id]}`],
    ...['-device', `virtserialport,id=${id}-port,bus=ports.0,chardev=${id},name=${name}`],
  ]
  return [
    ...['-device', 'virtio-serial-pci,id=ports'],
    ...port('agent', 'org.qemu.guest_agent.0'),
    ...port('log', 'grapevine.log'),
    ...port('stream', 'grapevine.stream'),
  ]
}

/** The overlay is thrown away or fsynced by us at the end: the guest's own flushes need not reach the host's disk. */
const drive = ({ overlay, backing }: NonNullable<Places['disk']>, bus: DiskBus = 'virtio'): string[] => {
  const node = { driver: 'qcow2', 'node-name': 'disk', cache: { 'no-flush': true } }
  const file = { driver: 'file', filename: overlay }
  const options = 'drive=disk,id=disk0,werror=stop,rerror=stop'
  return [
    ...['-blockdev', JSON.stringify({ ...node, file, backing: chain(backing) })],
    ...['-device', bus === 'sata' ? `ide-hd,bus=ide.0,${options}` : `virtio-blk-pci,${options}`],
  ]
}

const flashed = ',pflash0=code,pflash1=vars'

/** UEFI firmware and its variables, as flash memory (QEMU, docs/interop/firmware.json). Their contents are part of the device state. */
const flash = ({ firmware }: Layout, { vars }: Places): string[] => {
  if (firmware === undefined || vars === undefined) return []
  const node = (name: string, filename: string, more: object) => [
    '-blockdev',
    JSON.stringify({ driver: 'raw', 'node-name': name, file: { driver: 'file', filename }, ...more }),
  ]
  return [
    ...node('code', firmware, { 'read-only': true }),
    ...node('vars', vars, { cache: { 'no-flush': true } }),
  ]
}

const chain = ([first, ...rest]: { file: string; format: string }[]): unknown =>
  first && {
    driver: first.format,
    'read-only': true,
    file: { driver: 'file', filename: first.file },
    ...(first.format === 'qcow2' && { backing: chain(rest) ?? null }),
  }

/** Digest of all that a fork and its template must have in common; QEMU itself does not notice some of it (farm: see its tests).
 *  Where files lie, and what a run may use, is no part of it. */
export const fingerprint = (qemu: Qemu, layout: Layout): string => {
  const disk = layout.disk ? { overlay: '', backing: [] } : undefined
  const nowhere = { name: '', memory: { file: '', shared: false }, disk, vars: '', incoming: false }
  const { kernel, initrd, firmware } = layout
  const unnamed = { kernel: kernel && 'kernel', initrd: initrd && 'initrd', firmware: firmware && 'firmware' }
  const args = argumentsFor(qemu, { ...layout, ...unnamed }, nowhere)
  const seen = layout.accelerator === 'kvm' ? [qemu.processor] : []
  return contentId(64, qemu.version, args, ...seen)
}
