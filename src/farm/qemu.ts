// Which QEMU this host has, and the argument list of a virtual machine. The list is the device layout: a fork must have the frozen one's.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { z } from 'zod'
import { Fault } from '../model/fault.ts'
import { connectQmp, type Qmp } from './qmp.ts'

export type Accelerator = 'kvm' | 'tcg'

export type Qemu = {
  program: string
  /** With the distribution's package version: templates of another build are not loaded. */
  version: string
  /** The newest versioned machine type: it means the same hardware in every QEMU that knows it. */
  machine: string
  sandbox: boolean
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
}

/** Where a machine's files are; none of it can be seen by the guest. `backing`: from the overlay's own backing file down to the base. */
export type Places = {
  name: string
  memory: { file: string; shared: boolean }
  disk: { overlay: string; backing: { file: string; format: string }[] } | undefined
  incoming: boolean
}

/** File descriptors that QEMU inherits: unix sockets to us, so that no path can be too long and nobody else can connect. */
export const channels = { qmp: 3, agent: 4, log: 5, stream: 6, incoming: 7 } as const

const sandboxed = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'

/** The kernel kills QEMU when we die, however we die: setpriv(1), PR_SET_PDEATHSIG. */
const setpriv = '/usr/bin/setpriv'

export const spawnQemu = (program: string, args: string[], folder: string) => {
  const pipes = ['ignore', 'ignore', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe', 'pipe'] as const
  const [command, ...rest] = existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL', '--', program] : [program]
  const child = spawn(command ?? program, [...rest, ...args], { cwd: folder, stdio: [...pipes] })
  const channel = (fd: number) => child.stdio[fd] as unknown as Duplex
  // A broken pipe is told by the process's end; the sockets' own errors add nothing.
  for (const fd of Object.values(channels)) channel(fd).on('error', () => {})
  return { child, channel }
}

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
  const { child, channel } = spawnQemu(program, sandbox ? ['-sandbox', sandboxed, ...args] : args, '/')
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
  const qmp = await connecting.catch(() => new Promise<never>(() => {}))
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
  return { program, version, machine: newest.name, sandbox }
}

const monitor = ['-chardev', `socket,id=qmp,fd=${channels.qmp}`, '-mon', 'chardev=qmp,mode=control']

/** The processor of a guest. The emulated one is the same on every host; KVM's is the host's own. */
export const cpuOf = (accelerator: Accelerator): string => (accelerator === 'kvm' ? 'host' : 'max')

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
  return [
    ...['-name', places.name],
    ...(qemu.sandbox ? ['-sandbox', sandboxed] : []),
    ...['-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-object', JSON.stringify(memory)],
    ...['-machine', `${qemu.machine},accel=${accelerator},memory-backend=mem`],
    ...['-cpu', cpuOf(accelerator), '-smp', String(layout.cpus), '-m', `${memoryMiB}M`],
    ...['-action', 'reboot=shutdown,shutdown=pause,panic=pause', '-S'],
    ...monitor,
    ...['-chardev', 'file,id=console,path=console.log', '-device', 'isa-serial,chardev=console'],
    ...['-device', 'vmgenid,guid=auto', '-device', 'pvpanic-pci', '-device', 'virtio-rng-pci', '-vga', 'std'],
    ...ports(),
    ...(layout.disk && places.disk ? drive(places.disk) : []),
    ...(layout.kernel ? ['-kernel', layout.kernel, '-append', layout.append] : []),
    ...(layout.initrd ? ['-initrd', layout.initrd] : []),
    ...(places.incoming ? ['-incoming', 'defer'] : []),
  ]
}

const ports = (): string[] => {
  const port = (id: 'agent' | 'log' | 'stream', name: string) => [
    ...['-chardev', `socket,id=${id},fd=${channels[id]}`],
    ...['-device', `virtserialport,bus=ports.0,chardev=${id},name=${name}`],
  ]
  return [
    ...['-device', 'virtio-serial-pci,id=ports'],
    ...port('agent', 'org.qemu.guest_agent.0'),
    ...port('log', 'grapevine.log'),
    ...port('stream', 'grapevine.stream'),
  ]
}

/** The overlay is thrown away or fsynced by us at the end: the guest's own flushes need not reach the host's disk. */
const drive = ({ overlay, backing }: NonNullable<Places['disk']>): string[] => {
  const node = { driver: 'qcow2', 'node-name': 'disk', cache: { 'no-flush': true } }
  const file = { driver: 'file', filename: overlay }
  const options = 'drive=disk,id=disk0,werror=stop,rerror=stop'
  return [
    ...['-blockdev', JSON.stringify({ ...node, file, backing: chain(backing) })],
    ...['-device', `virtio-blk-pci,${options}`],
  ]
}

const chain = ([first, ...rest]: { file: string; format: string }[]): unknown =>
  first && {
    driver: first.format,
    'read-only': true,
    file: { driver: 'file', filename: first.file },
    ...(first.format === 'qcow2' && { backing: chain(rest) ?? null }),
  }

/** Digest of all that a fork and its template must have in common; QEMU itself does not notice some of it (farm: see its tests). */
export const fingerprint = (qemu: Qemu, layout: Layout): string => {
  const disk = layout.disk ? { overlay: '', backing: [] } : undefined
  const nowhere = { name: '', memory: { file: '', shared: false }, disk, incoming: false }
  const args = argumentsFor(qemu, layout, nowhere)
  return createHash('sha256')
    .update(JSON.stringify([qemu.version, args]))
    .digest('hex')
}
