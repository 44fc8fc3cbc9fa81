// How a run in a guest ends: each ending is provoked in a real guest, and told apart from the others.
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, statSync, symlinkSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Clone, Farm } from '../../src/ports/farm.ts'
import { asItsUser, isRoot, mountSmall, withFailingDisk } from './trouble.ts'
import {
  command,
  newFolder,
  openFarm,
  plain,
  qemusOf,
  requireImage,
  say,
  sharedFolder,
  silent,
} from './world.ts'

const token = 'test-endings'
const deadlines = { silenceMs: 4_000, lingerMs: 2_000, killMs: 5_000 }
let farm: Farm
let template: string
/** With a disk. */
let onDisk: string

beforeAll(async () => {
  requireImage('busybox')
  requireImage('debian')
  farm = await openFarm({ token, deadlines })
  await farm.reap()
  template = await farm.template(plain('busybox'), silent)
  onDisk = await farm.template(plain('debian'), silent)
})

afterAll(() => {
  expect(qemusOf(token)).toEqual([])
  expect(readdirSync(join(sharedFolder, 'clones')).filter(name => name.startsWith(token))).toEqual([])
})

const inClone = (use: (clone: Clone) => Promise<void>): Promise<void> => inCloneOf(farm, template, use)

const inCloneOf = async (
  farm: Farm,
  template: string,
  use: (clone: Clone) => Promise<void>,
): Promise<void> => {
  const clone = await farm.lease({ run: `${token}-run`, template })
  try {
    await use(clone)
  } finally {
    await clone.release()
  }
}

const collect = () => {
  const chunks: Buffer[] = []
  return {
    onOutput: (chunk: Buffer) => void chunks.push(chunk),
    text: () => Buffer.concat(chunks).toString(),
  }
}

describe('a command that ends', () => {
  test('exit code, and both kinds of output', () =>
    inClone(async clone => {
      const { onOutput, text } = collect()
      const ending = await clone.exec(command('echo out; echo err >&2; pwd; exit 3'), { onOutput })
      expect(ending).toEqual({ kind: 'finished', exitCode: 3 })
      expect(text()).toBe('out\nerr\n/root\n')
      expect(Object.keys(await clone.evidence())).toContain('screenshot')
      expect(await clone.exec(command('true'))).toEqual({ kind: 'finished', exitCode: 0 })
      expect(Object.keys(await clone.evidence())).not.toContain('screenshot')
    }))

  test('a signal', () =>
    inClone(async clone => {
      const ending = await clone.exec(command('kill -SEGV $$'))
      expect(ending).toEqual({ kind: 'finished', exitCode: 139, signal: 11 })
    }))

  test('no output is lost at its end, and no byte is changed', () =>
    inClone(async clone => {
      const { onOutput, text } = collect()
      await clone.exec(command('seq 1 60000; printf "last\\0\\036x"'), { onOutput })
      const wanted = `${Array.from({ length: 60_000 }, (_, at) => at + 1).join('\n')}\nlast\0\x1ex`
      expect(text() === wanted).toBe(true)
    }))

  test('output comes while it runs', () =>
    inClone(async clone => {
      const { onOutput, text } = collect()
      const script = 'echo ready; until [ -e /tmp/go ]; do sleep 0.05; done; cat /tmp/go'
      let told: Promise<void> | undefined
      const tell = () => clone.write('/tmp/go', { size: 5, stream: Readable.from([Buffer.from('going')]) })
      const ending = await clone.exec(command(script), {
        onOutput: chunk => {
          onOutput(chunk)
          told ??= tell()
        },
      })
      await told
      expect(ending).toEqual({ kind: 'finished', exitCode: 0 })
      expect(text()).toMatch(/^ready\n(going)?$/)
    }))

  test('a background child that holds the output delays nothing', () =>
    inClone(async clone => {
      const { onOutput, text } = collect()
      const ending = await clone.exec(command('sleep 1000 & echo now'), { onOutput })
      expect(ending).toEqual({ kind: 'finished', exitCode: 0 })
      expect(text()).toBe('now\n')
      expect(await say(clone, 'echo next')).toBe('next')
    }))

  test('no folder, no such command: the shell says so', () =>
    inClone(async clone => {
      const { onOutput, text } = collect()
      expect(await clone.exec(command('nonsense'), { onOutput })).toEqual({ kind: 'finished', exitCode: 127 })
      expect(text()).toContain('nonsense')
      const made = { ...command('pwd'), folder: "/root/new/a folder's name" }
      expect(await clone.exec(made, { onOutput })).toEqual({ kind: 'finished', exitCode: 0 })
      expect(text()).toContain("/root/new/a folder's name")
    }))
})

describe('a command that is ended', () => {
  test('timed out, all its processes are killed, and the clone goes on', () =>
    inClone(async clone => {
      const { onOutput, text } = collect()
      const script = 'trap "" TERM HUP; (sleep 1000; echo never) & sleep 1001 & echo begun; wait'
      expect(await clone.exec(command(script, 1500), { onOutput })).toEqual({
        kind: 'timed-out',
        afterMs: 1500,
      })
      expect(text()).toBe('begun\n')
      expect(await say(clone, 'pidof sleep || echo none')).toBe('none')
    }))

  test('a flood of output does not outlive its time-out', () =>
    inClone(async clone => {
      let bytes = 0
      const onOutput = (chunk: Buffer) => {
        bytes += chunk.length
      }
      expect(await clone.exec(command('yes', 1500), { onOutput })).toMatchObject({ kind: 'timed-out' })
      expect(bytes).toBeGreaterThan(100_000)
      expect(await say(clone, 'echo dry')).toBe('dry')
    }))

  test('cancelled before it begins, and while it runs', () =>
    inClone(async clone => {
      expect(await clone.exec(command('true'), { signal: AbortSignal.abort() })).toEqual({
        kind: 'cancelled',
      })
      const stop = new AbortController()
      const onOutput = () => stop.abort()
      const ending = await clone.exec(command('echo begun; sleep 1000'), { onOutput, signal: stop.signal })
      expect(ending).toEqual({ kind: 'cancelled' })
      expect(await say(clone, 'pidof sleep || echo none')).toBe('none')
    }))

  test('released while it runs', () =>
    inClone(async clone => {
      const onOutput = () => void clone.release()
      expect(await clone.exec(command('echo begun; sleep 1000'), { onOutput })).toEqual({ kind: 'cancelled' })
    }))
})

describe('a guest that ends', () => {
  test('powered off in order', () =>
    inClone(async clone => {
      expect(await clone.exec(command('poweroff; sleep 1000'))).toEqual({ kind: 'powered-off' })
    }))

  test('powered off', () =>
    inClone(async clone => {
      expect(await clone.exec(command('poweroff -f; sleep 1000'))).toEqual({ kind: 'powered-off' })
      expect(await clone.exec(command('true'))).toEqual({ kind: 'powered-off' })
    }))

  test('panicked, with the evidence of it', () =>
    inClone(async clone => {
      const ending = await clone.exec(command('echo c > /proc/sysrq-trigger; sleep 1000'))
      expect(ending).toEqual({ kind: 'crashed', how: 'panic' })
      const { console, qmp, screenshot, manifest } = await clone.evidence()
      expect(console?.toString()).toContain('sysrq')
      expect(qmp?.toString()).toMatch(/"(GUEST_PANICKED|SHUTDOWN)"/)
      expect(screenshot?.subarray(1, 4).toString()).toBe('PNG')
      expect(JSON.parse(String(manifest))).toMatchObject({
        run: `${token}-run`,
        template,
        about: { files: expect.arrayContaining([expect.objectContaining({ sha256: expect.any(String) })]) },
        image: { name: 'busybox', files: { kernel: { sha256: expect.any(String) } } },
        host: { kernel: expect.any(String) },
        qemu: expect.stringMatching(/^\d/),
        args: expect.arrayContaining(['-name']),
        limits: { fileBytes: expect.any(Number) },
        commands: [{ ending, tookMs: expect.any(Number) }],
      })
    }))

  test('reset', () =>
    inClone(async clone => {
      expect(await clone.exec(command('echo b > /proc/sysrq-trigger; sleep 1000'))).toEqual({
        kind: 'crashed',
        how: 'reset',
      })
    }))

  test('reset by a triple fault: no interrupt table, and then an interrupt', () =>
    inClone(async clone => {
      const { onOutput, text } = collect()
      const script = `echo triple > /sys/kernel/reboot/type && echo 1 > /sys/kernel/reboot/force && cat /sys/kernel/reboot/type
        echo b > /proc/sysrq-trigger; sleep 1000`
      expect(await clone.exec(command(script), { onOutput })).toEqual({ kind: 'crashed', how: 'reset' })
      expect(text()).toBe('triple\n')
    }))

  test('hung: the agent is stopped', () =>
    inClone(async clone => {
      const ending = await clone.exec(command('kill -STOP $(pidof grapevine-guest); sleep 1000', 2_000))
      expect(ending).toMatchObject({ kind: 'hung' })
    }))

  test('hung: the agent is killed, and nobody knows of the command any more', () =>
    inClone(async clone => {
      expect(await clone.exec(command('kill -9 $(pidof grapevine-guest); sleep 1000'))).toMatchObject({
        kind: 'hung',
      })
    }))

  test('hung: every process is killed', () =>
    inClone(async clone => {
      expect(await clone.exec(command('kill -9 -1; sleep 1000'))).toMatchObject({ kind: 'hung' })
    }))

  test('QEMU itself is killed: that is not the guest', () =>
    inClone(async clone => {
      const onOutput = () => {
        for (const pid of qemusOf(token)) process.kill(pid, 'SIGKILL')
      }
      const ending = await clone.exec(command('echo begun; sleep 1000'), { onOutput })
      expect(ending).toEqual({ kind: 'vm-died', detail: 'QEMU ended, killed by SIGKILL' })
      expect(Object.keys(await clone.evidence())).toEqual(['console', 'qmp', 'manifest'])
    }))

  test('QEMU itself stands still: that is not the guest either', () =>
    inClone(async clone => {
      const onOutput = () => {
        for (const pid of qemusOf(token)) process.kill(pid, 'SIGSTOP')
      }
      const ending = await clone.exec(command('echo begun; sleep 1000'), { onOutput })
      expect(ending).toMatchObject({ kind: 'vm-died', detail: expect.stringContaining('stands still') })
    }))
})

describe('a host that fails its guest', () => {
  const write = 'echo begun; dd if=/dev/urandom of=/srv/much bs=1M count=60; sync; echo written; sleep 1000'

  test('a disk error: the overlay cannot grow, and it is not for want of room', () =>
    inCloneOf(farm, onDisk, async clone => {
      const onOutput = () => {
        for (const pid of qemusOf(token)) asItsUser(pid, ['prlimit', '--pid', `${pid}`, '--fsize=1000000'])
      }
      const ending = await clone.exec(command(write), { onOutput })
      expect(ending).toMatchObject({ kind: 'disk-error', detail: expect.stringContaining('write') })
      const { qmp } = await clone.evidence()
      expect(qmp?.toString()).toContain('BLOCK_IO_ERROR')
    }))

  test('a disk that answers with EIO', () =>
    withFailingDisk(5, async () => {
      const failing = await openFarm({ token, deadlines })
      await inCloneOf(failing, onDisk, async clone =>
        expect(await clone.exec(command(write))).toMatchObject({ kind: 'disk-error' }),
      )
    }))

  test.each(['exit 1', 'exit 0'])('the guest lost its file system, whatever its program says then: %s', end =>
    inClone(async clone => {
      const said = 'EXT4-fs error (device vda): ext4_find_entry:1658: inode #2: reading directory lblock 0'
      expect(await clone.exec(command(`echo '<3>${said}' > /dev/kmsg; ${end}`))).toEqual({
        kind: 'disk-error',
        detail: expect.stringContaining(said),
      })
    }),
  )

  test('what a test does to disks of its own is its own matter', () =>
    inClone(async clone => {
      const script = "echo '<3>EXT4-fs error (device loop0): bad block' > /dev/kmsg; exit 3"
      expect(await clone.exec(command(script))).toEqual({ kind: 'finished', exitCode: 3 })
    }))

  test("the host's disk gets full", async () => {
    const fullDisk = async (use: (farm: Farm, fill: () => void) => Promise<void>) => {
      if (!isRoot)
        return await withFailingDisk(28, async () => use(await openFarm({ token, deadlines }), () => {}))
      const { folder, remove } = newFolder('lent')
      const disk = mountSmall(join(folder, 'clones'))
      try {
        await use(await openFarm({ token, folder, deadlines }), disk.fill)
      } finally {
        disk.remove()
        remove()
      }
    }
    await fullDisk((full, fill) =>
      inCloneOf(full, onDisk, async clone =>
        expect(await clone.exec(command(write), { onOutput: fill })).toMatchObject({ kind: 'out-of-space' }),
      ),
    )
  })

  test('the disk gets full while bytes go in, or a template is prepared: Faults, and no blame', () =>
    withFailingDisk(28, async () => {
      const full = await openFarm({ token, deadlines })
      await inCloneOf(full, onDisk, async clone => {
        await say(clone, 'echo 1000000 > /proc/sys/vm/dirty_bytes')
        const size = 30 << 20
        const bytes = { size, stream: Readable.from([Buffer.alloc(size, 'x')]) }
        await expect(clone.write('/srv/much', bytes)).rejects.toMatchObject({ kind: 'exhausted' })
      })
      const spec = { ...plain('debian'), content: randomUUID(), prepare: [command(write)] }
      await expect(full.template(spec, silent)).rejects.toMatchObject({ name: 'Fault', kind: 'exhausted' })
    }))

  test('the template is damaged below a running clone, and is put aside; the farm lies where QEMU may not go', async () => {
    const { folder: closed, remove } = newFolder()
    const folder = join(closed, 'farm')
    mkdirSync(folder)
    symlinkSync(join(sharedFolder, 'images'), join(folder, 'images'))
    expect(statSync(closed).mode & 0o077).toBe(0)
    try {
      const own = await openFarm({ token, folder, deadlines })
      const id = await own.template(plain('busybox'), silent)
      await inCloneOf(own, id, async clone => {
        const onOutput = () => truncateSync(join(folder, 'templates', id, 'memory'), 0)
        const script = 'echo begun; dd if=/dev/zero of=/tmp/much bs=1M count=60; sleep 1000'
        expect(await clone.exec(command(script), { onOutput })).toMatchObject({
          kind: 'template-damaged',
          detail: expect.stringContaining('memory'),
        })
      })
      expect(readdirSync(join(folder, 'templates')).filter(name => name.endsWith(id))).toEqual([
        expect.stringMatching(/^damaged-/),
      ])
      await expect(own.lease({ run: 'next', template: id })).rejects.toMatchObject({ kind: 'damaged' })
    } finally {
      remove()
    }
  })

  test('what cannot be removed of a clone costs no slot', async () => {
    const { folder, remove } = newFolder('lent')
    const log: string[] = []
    const one = await openFarm({ token, folder, slots: 1, deadlines, log: line => log.push(line) })
    const clone = await one.lease({ run: 'stuck', template })
    const [name = ''] = readdirSync(join(folder, 'clones'))
    const stuck = join(folder, 'clones', name, 'stuck')
    mkdirSync(join(stuck, 'file'), { recursive: true })
    const unstick = makeStuck(stuck)
    try {
      await clone.release()
      expect(log.join()).toContain('is left')
      await inCloneOf(one, template, async next => expect(await say(next, 'echo well')).toBe('well'))
    } finally {
      unstick()
      remove()
    }
  })
})

/** A folder that cannot be removed: something is mounted on it, or its files are not ours to remove. */
const makeStuck = (folder: string): (() => void) => {
  if (isRoot) return mountSmall(folder).remove
  execFileSync('chmod', ['500', folder])
  return () => void execFileSync('chmod', ['700', folder])
}
