// How long QEMU takes back to a running guest by its own means: internal snapshots, and a stream of the whole memory.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openAgent } from '../src/farm/agent.ts'
import { runProgram } from '../src/farm/guest/by-agent/program.ts'
import { connectQmp } from '../src/farm/qmp.ts'
import { writeInitrd } from '../test/real/libvirt.ts'
import { touchMemory } from './touched.ts'

const longMs = 600_000
const path = 'PATH=/usr/sbin:/usr/bin:/sbin:/bin'

export type RestoreWays = {
  /** `loadvm` in a running QEMU, until the guest's agent has answered; ms. */
  loadvm(): Promise<number>
  /** A new QEMU with `-loadvm`; ms from its start. */
  loadvmInNewProcess(): Promise<number>
  /** A new QEMU that reads the whole memory by `-incoming exec:cat`; ms from its start. */
  restore(): Promise<number>
  stop(): Promise<void>
}

type Machine = {
  hmp(line: string): Promise<string>
  qmp: Awaited<ReturnType<typeof connectQmp>>
  agent: ReturnType<typeof openAgent>
  end(): Promise<void>
}

/** Sockets appear some time after the process. */
const dial = async (path: string, child: ChildProcess): Promise<Socket> => {
  for (;;) {
    const socket = connect(path)
    const ok = await new Promise<boolean>(resolve => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    })
    if (ok) return socket
    if (child.exitCode !== null) throw new Error(`QEMU ended, exit code ${child.exitCode}`)
    await sleep(5)
  }
}

/** A guest with so much memory, six tenths of it touched, saved in both ways. `image`: folder of the busybox image. Takes about a minute. */
export const openRestores = async (options: { image: string; memoryMiB: number }): Promise<RestoreWays> => {
  const { image, memoryMiB } = options
  const folder = mkdtempSync(join(tmpdir(), 'gv-restore-'))
  const at = (name: string) => join(folder, name)
  const initrd = writeInitrd(image, folder)
  const newDisk = (name: string) => {
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', at(name), '64M'])
    return name
  }
  const running = new Set<Machine>()
  let count = 0

  const start = async (disk: string, more: string[] = []): Promise<Machine> => {
    const unique = `${++count}`
    const args = [
      ...[
        '-nodefaults',
        '-no-user-config',
        '-display',
        'none',
        '-vga',
        'std',
        '-device',
        'vmgenid,guid=auto',
      ],
      ...['-machine', 'pc-q35-7.2,accel=tcg', '-cpu', 'max', '-smp', '1', '-m', `${memoryMiB}M`],
      ...['-kernel', join(image, 'vmlinuz'), '-initrd', initrd],
      ...['-append', 'console=ttyS0 panic=-1 loglevel=6 no_timer_check mitigations=off'],
      ...['-drive', `file=${at(disk)},format=qcow2,if=virtio,cache=unsafe`],
      ...[
        '-device',
        'virtio-serial-pci',
        '-chardev',
        `socket,id=a,path=${at(`a${unique}`)},server=on,wait=off`,
      ],
      ...['-device', 'virtserialport,chardev=a,name=org.qemu.guest_agent.0'],
      ...['-qmp', `unix:${at(`q${unique}`)},server=on,wait=off`],
      ...more,
    ]
    const child = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'ignore', 'inherit'] })
    const exited = once(child, 'exit')
    const port = await dial(at(`a${unique}`), child)
    const qmp = await connectQmp(await dial(at(`q${unique}`), child), longMs)
    const machine: Machine = {
      qmp,
      agent: openAgent(port),
      hmp: async line => {
        const said = String(await qmp.command('human-monitor-command', { 'command-line': line }, longMs))
        if (said.trim()) throw new Error(`${line}: ${said.trim()}`)
        return said
      },
      end: async () => {
        child.kill('SIGKILL')
        await exited
        running.delete(machine)
      },
    }
    running.add(machine)
    return machine
  }
  const stop = async () => {
    for (const machine of running) await machine.end()
    rmSync(folder, { recursive: true, force: true })
  }

  const timed = async (act: () => Promise<void>): Promise<number> => {
    const began = performance.now()
    await act()
    return performance.now() - began
  }
  const inNewProcess = async (disk: string, more: string[]): Promise<number> => {
    let machine: Machine | undefined
    const ms = await timed(async () => {
      machine = await start(disk, more)
      await machine.agent.sync(longMs)
    })
    await machine?.end()
    return ms
  }

  try {
    const source = await start(newDisk('running'))
    await source.agent.sync(longMs)
    const script = { path: '/bin/sh', args: ['-c', touchMemory(memoryMiB)], env: [path] }
    await runProgram(source.agent, script, longMs)
    await source.hmp('savevm bench')
    const saved = source.qmp.event(
      ({ event, data }) => event === 'MIGRATION' && data.status === 'completed',
      longMs,
      'saving the memory',
    )
    const capabilities = [{ capability: 'events', state: true }]
    await source.qmp.command('migrate-set-capabilities', { capabilities })
    await source.hmp('migrate_set_parameter max-bandwidth 100G')
    await source.qmp.command('migrate', { uri: `exec:cat > ${at('state')}` })
    await saved
    await source.end()
    copyFileSync(at('running'), at('new'))
    newDisk('empty')
    const machine = await start('running', ['-loadvm', 'bench'])
    await machine.agent.sync(longMs)
    return {
      loadvm: () =>
        timed(async () => {
          await machine.hmp('loadvm bench')
          await machine.agent.sync(longMs)
        }),
      loadvmInNewProcess: () => inNewProcess('new', ['-loadvm', 'bench']),
      restore: () => inNewProcess('empty', ['-incoming', `exec:cat ${at('state')}`]),
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}
