// A libvirt of its own for tests: an unprivileged libvirtd in a temporary folder, reachable by nobody else, with one domain that has a snapshot
// of its running guest. The guest is the busybox image's kernel and initrd, with an init like any system's: the agent and nothing of ours.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'

export type LibvirtOptions = {
  /** Folder of the busybox image: vmlinuz and initrd.img. */
  image: string
  memoryMiB: number
  /** Run in the guest before the snapshot is made. */
  prepare?: string
}

export type TestLibvirt = {
  uri: string
  domain: string
  snapshot: string
  /** Everything lies in it. */
  folder: string
  /** Runs virsh; gives what it prints. */
  virsh(...args: string[]): string
  /** Asks the guest's agent. */
  agent(execute: string, args?: Record<string, unknown>): unknown
  /** Waits until the guest's agent answers. */
  answering(): Promise<void>
  /** Process id of the domain's QEMU. */
  qemu(): number
  /** Ends libvirtd alone, its guest goes on; gives a way to start it again. */
  kill(): Promise<() => Promise<void>>
  stop(): Promise<void>
}

const domain = 'guest'
const snapshot = 'ready'

/** libvirtd of a root user is the host's: then it runs as `nobody`. */
const unprivileged = (folder: string) => {
  if (process.getuid?.() !== 0) return { own: () => {}, prefix: [] }
  const id = (flag: string) => Number(execFileSync('id', [flag, 'nobody'], { encoding: 'utf8' }))
  const [uid, gid] = [id('-u'), id('-g')]
  const own = (...files: string[]) => {
    for (const file of [folder, ...files]) chownSync(file, uid, gid)
  }
  return { own, prefix: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'] }
}

const init = `#!/bin/sh
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
cd /root
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t tmpfs tmp /tmp
mkdir -p /run/qemu-ga
trap 'echo o > /proc/sysrq-trigger' USR1 USR2
trap 'echo b > /proc/sysrq-trigger' TERM
port=
until [ "$port" ]; do
  for one in /sys/class/virtio-ports/*; do
    read -r name < "$one/name" && [ "$name" = org.qemu.guest_agent.0 ] && port=/dev/\${one##*/}
  done 2> /dev/null
  usleep 50000
done
while :; do
  qemu-ga -m virtio-serial -p "$port" -t /run/qemu-ga &
  wait $!
  usleep 500000
done
`

/** The image's initrd with that init, as `initrd.img` in the folder. A later archive's files replace those of an earlier one (Linux, "initramfs buffer format"). */
export const writeInitrd = (image: string, folder: string): string => {
  const tree = path.join(folder, 'tree')
  mkdirSync(path.join(tree, 'usr/bin'), { recursive: true })
  writeFileSync(path.join(tree, 'usr/bin/guest-init'), init, { mode: 0o755 })
  const archive = execFileSync('cpio', ['-o', '-H', 'newc', '--quiet'], {
    cwd: tree,
    input: 'usr/bin/guest-init\n',
  })
  const file = path.join(folder, 'initrd.img')
  writeFileSync(file, Buffer.concat([readFileSync(path.join(image, 'initrd.img')), gzipSync(archive)]))
  return file
}

const xmlFor = (folder: string, memoryMiB: number): string => `<domain type='qemu'>
  <name>${domain}</name>
  <genid/>
  <memory unit='MiB'>${memoryMiB}</memory><vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc-q35-7.2'>hvm</type>
    <kernel>${folder}/vmlinuz</kernel><initrd>${folder}/initrd.img</initrd>
    <cmdline>console=ttyS0 panic=-1 loglevel=6 no_timer_check mitigations=off</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='maximum'/>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>preserve</on_crash>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' cache='unsafe' error_policy='stop'/>
      <source file='${folder}/disk.qcow2'/><target dev='vda' bus='virtio'/>
    </disk>
    <controller type='usb' model='none'/>
    <serial type='file'><source path='${folder}/console.log'/></serial>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <video><model type='vga'/></video>
    <memballoon model='none'/>
    <panic model='isa'/>
  </devices>
</domain>
`

/** Resolves when the snapshot is made and the domain is off. */
export const startLibvirt = async ({ image, memoryMiB, prepare }: LibvirtOptions): Promise<TestLibvirt> => {
  if (!existsSync('/usr/sbin/libvirtd')) throw new Error('no libvirtd here: apt-get install libvirt-daemon')
  const folder = mkdtempSync(path.join(tmpdir(), 'gv-lv-'))
  const at = (name: string) => path.join(folder, name)
  const { own, prefix } = unprivileged(folder)
  for (const name of ['run', 'config', 'config/libvirt', 'cache', 'home']) mkdirSync(at(name))
  writeFileSync(at('config/libvirt/qemu.conf'), 'stdio_handler = "file"\nsecurity_driver = "none"\n')
  copyFileSync(path.join(image, 'vmlinuz'), at('vmlinuz'))
  writeInitrd(image, folder)
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', at('disk.qcow2'), '64M'])
  own(...['run', 'config', 'config/libvirt', 'cache', 'home', 'disk.qcow2', 'vmlinuz', 'initrd.img'].map(at))

  const env = {
    ...process.env,
    ...{ XDG_RUNTIME_DIR: at('run'), XDG_CONFIG_HOME: at('config'), XDG_CACHE_HOME: at('cache') },
    ...{ HOME: at('home'), LC_ALL: 'C' },
  }
  const socket = at('run/libvirt/libvirt-sock')
  const uri = `qemu+unix:///session?socket=${socket}`
  const virsh = (...args: string[]) =>
    execFileSync('virsh', ['-q', '-c', uri, ...args], { encoding: 'utf8', stdio: 'pipe', timeout: 300_000 })
  const tries = async (act: () => unknown) => {
    for (let left = 300; ; left--) {
      try {
        return act()
      } catch (error) {
        if (left === 0) throw error
        await sleep(100)
      }
    }
  }

  const serve = async () => {
    const [command = '', ...args] = [...prefix, '/usr/sbin/libvirtd']
    const child = spawn(command, args, { env, stdio: 'ignore', cwd: folder })
    const exited = once(child, 'exit')
    await tries(() => virsh('uri'))
    return { child, exited }
  }
  let server = await serve()

  const agent = (execute: string, args: Record<string, unknown> = {}): unknown =>
    JSON.parse(virsh('qemu-agent-command', domain, JSON.stringify({ execute, arguments: args }))).return
  const answering = async () => void (await tries(() => agent('guest-ping')))
  const isOff = () => virsh('domstate', domain).trim() === 'shut off'
  const inGuest = async (script: string) => {
    const { pid } = agent('guest-exec', { path: '/bin/sh', arg: ['-c', script] }) as { pid: number }
    const ended = () => (agent('guest-exec-status', { pid }) as { exited: boolean }).exited
    while (!ended()) await sleep(100)
  }

  const stop = async () => {
    if (!isOff()) virsh('destroy', domain)
    server.child.kill('SIGTERM')
    await server.exited
    rmSync(folder, { recursive: true, force: true })
  }
  writeFileSync(at('domain.xml'), xmlFor(folder, memoryMiB))
  try {
    virsh('define', at('domain.xml'))
    virsh('start', domain)
    await answering()
    if (prepare !== undefined) await inGuest(prepare)
    virsh('snapshot-create-as', domain, snapshot)
    virsh('destroy', domain)
  } catch (error) {
    await stop()
    throw error
  }
  return {
    ...{ uri, domain, snapshot, folder, virsh, agent, answering, stop },
    qemu: () => Number(readFileSync(at(`run/libvirt/qemu/run/${domain}.pid`), 'utf8')),
    kill: async () => {
      server.child.kill('SIGKILL')
      await server.exited
      return async () => {
        server = await serve()
      }
    },
  }
}
