// Guest images: what is read from hosts, packages and manifests; and the built ones, booted.
import { createHash } from 'node:crypto'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ImageConfig } from '../../src/config/config.ts'
import { boot } from '../../src/farm/boot.ts'
import { bootable, layoutOf } from '../../src/farm/bootable.ts'
import { defaultDeadlines } from '../../src/farm/deadline.ts'
import { createOverlay } from '../../src/farm/disk.ts'
import type { Guest } from '../../src/farm/exec.ts'
import { startProgram } from '../../src/farm/guest/by-agent/port.ts'
import { distributionOf } from '../../src/farm/image/apt-sources.ts'
import { readPlan } from '../../src/farm/image/archive.ts'
import { buildImage } from '../../src/farm/image/build.ts'
import { runCommand } from '../../src/farm/image/command.ts'
import { installProgress } from '../../src/farm/image/debian.ts'
import { loadImage } from '../../src/farm/image/manifest.ts'
import { loadOrder } from '../../src/farm/image/modules.ts'
import { imageSource } from '../../src/farm/image/source.ts'
import { probeQemu } from '../../src/farm/qemu.ts'
import { runTool } from '../../src/farm/tool.ts'
import { Fault } from '../../src/model/fault.ts'

const root = new URL('../..', import.meta.url).pathname
const builtFarm = join(root, '.grapevine/farm')
const packages = ['gcc', 'libc6-dev', 'make', 'git', 'patch', 'perl']
const debian: ImageConfig = {
  name: 'debian',
  kind: 'debian',
  packages,
  memoryMiB: 512,
  cpus: 1,
  diskMiB: 4096,
}
const busybox: ImageConfig = { ...debian, name: 'busybox', kind: 'busybox', packages: [], memoryMiB: 256 }

const temporary = mkdtempSync(join(tmpdir(), 'grapevine-image-test-'))
afterAll(() => rmSync(temporary, { recursive: true, force: true }))

const faultOf = (promise: Promise<unknown>): Promise<Fault> =>
  promise.then(
    () => expect.fail('no fault came'),
    error => {
      expect(error).toBeInstanceOf(Fault)
      return error
    },
  )

describe('the host’s package sources', () => {
  const bookworm = 'ID=debian\nVERSION_CODENAME=bookworm\n'
  const noble = 'ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n'
  const sources = (text: string) => [{ path: '/etc/apt/sources.list.d/x.sources', text }]
  const list = (text: string) => [{ path: '/etc/apt/sources.list', text }]
  const debianDefault = [
    'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm main',
    'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian bookworm-updates main',
    'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian-security bookworm-security main',
  ]

  test.each([
    {
      name: 'deb822, several suites and stanzas, a comment within',
      release: bookworm,
      files: sources(
        'Types: deb deb-src\n# http://snapshot.debian.org/archive\nURIs: http://deb.debian.org/debian\nSuites: bookworm bookworm-updates bookworm-backports\nComponents: main contrib\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n\n' +
          'Types: deb\nURIs: http://deb.debian.org/debian-security\nSuites: bookworm-security\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n',
      ),
      expected: debianDefault,
    },
    {
      name: 'one-line, with options and comments',
      release: bookworm,
      files: list(
        '# deb http://old.example/debian bookworm main\ndeb-src http://ftp.de.debian.org/debian bookworm main\ndeb [ arch=amd64 ] http://ftp.de.debian.org/debian/ bookworm main non-free-firmware # near\n',
      ),
      expected: ['deb http://ftp.de.debian.org/debian/ bookworm main'],
    },
    {
      name: 'third parties whose suite is the codename, or whose path is like the distribution’s',
      release: bookworm,
      files: [
        ...list(
          'deb http://deb.debian.org/debian bookworm main\n' +
            'deb [signed-by=/usr/share/keyrings/redis.gpg] https://packages.redis.io/deb bookworm main\n' +
            'deb [signed-by=/etc/apt/keyrings/docker.asc] https://download.docker.com/linux/debian bookworm stable\n' +
            'deb [signed-by=/etc/apt/keyrings/runner.gpg] https://packages.gitlab.com/runner/debian/ bookworm main\n' +
            'deb https://packages.cloud.google.com/apt cloud-sdk-bookworm main\n',
        ),
        ...sources(
          'Types: deb\nURIs: https://deb.nodesource.com/node_20.x\nSuites: nodistro\nComponents: main\n',
        ),
      ],
      expected: ['deb http://deb.debian.org/debian bookworm main'],
    },
    {
      name: 'a private mirror',
      release: bookworm,
      files: list(
        'deb https://mirror.internal/debian bookworm main\ndeb https://hashicorp.internal/apt bookworm main\n',
      ),
      expected: ['deb https://mirror.internal/debian bookworm main'],
    },
    {
      name: 'Ubuntu: universe too, and a list of mirrors',
      release: noble,
      files: sources(
        'Types: deb\nURIs: mirror+file:/etc/apt/apt-mirrors.txt\nSuites: noble noble-updates noble-backports\nComponents: main universe restricted multiverse\nSigned-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg\n',
      ),
      expected: ['noble', 'noble-updates'].map(
        suite =>
          `deb [signed-by=/usr/share/keyrings/ubuntu-archive-keyring.gpg] mirror+file:/etc/apt/apt-mirrors.txt ${suite} main universe`,
      ),
    },
    {
      name: 'a derivative of Ubuntu',
      release: 'ID=linuxmint\nID_LIKE="ubuntu debian"\nVERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble\n',
      files: list(
        'deb http://packages.linuxmint.com wilma main\ndeb http://archive.ubuntu.com/ubuntu noble main\n',
      ),
      expected: ['deb http://archive.ubuntu.com/ubuntu noble main'],
    },
  ])('$name', ({ release, files, expected }) => {
    expect(distributionOf(release, files).sources).toEqual(expected)
  })

  test.each([
    {
      name: 'switched off',
      files: sources(
        'Types: deb\nEnabled: no\nURIs: http://mirror.example.org/x\nSuites: bookworm\nComponents: main\n',
      ),
    },
    { name: 'none', files: [] },
  ])('no mirror of the distribution itself, $name: says so', ({ files }) => {
    expect(() => distributionOf(bookworm, files)).toThrow(
      /no mirror of its own distribution, debian bookworm/,
    )
  })

  test('another system is refused', () => {
    expect(() => distributionOf('ID=fedora\nVERSION_ID=43\n', [])).toThrow(/Debian and Ubuntu only/)
  })
})

describe('the order of modules', () => {
  const index = {
    dep: [
      'kernel/drivers/virtio/virtio.ko: kernel/drivers/virtio/virtio_ring.ko',
      'kernel/drivers/virtio/virtio_ring.ko:',
      'kernel/drivers/virtio/virtio_pci.ko.xz: kernel/drivers/virtio/virtio.ko kernel/drivers/virtio/virtio_ring.ko',
      'kernel/fs/ext4/ext4.ko: kernel/lib/crc16.ko kernel/fs/jbd2/jbd2.ko',
      'kernel/fs/jbd2/jbd2.ko:',
      'kernel/lib/crc16.ko:',
      'kernel/crypto/crc32c-generic.ko:',
      'kernel/drivers/char/hw_random/virtio-rng.ko: kernel/drivers/virtio/virtio.ko',
    ].join('\n'),
    softdep: '# Soft dependencies\nsoftdep ext4 pre: crc32c post: nothing\n',
    alias: '# Aliases\nalias crc32c crc32c_generic\nalias pci:v* virtio_pci\n',
    builtin: 'kernel/drivers/block/virtio_blk.ko\n',
  }
  const names = (paths: string[]) => paths.map(path => path.replace(/.*\//, ''))

  test('each comes once, after all that it needs, by soft dependencies and aliases too', () => {
    const { paths, missing } = loadOrder(index, [
      { name: 'virtio_pci' },
      { name: 'ext4' },
      { name: 'virtio_rng' },
    ])
    expect(names(paths)).toEqual([
      'virtio_ring.ko',
      'virtio.ko',
      'virtio_pci.ko.xz',
      'crc32c-generic.ko',
      'jbd2.ko',
      'crc16.ko',
      'ext4.ko',
      'virtio-rng.ko',
    ])
    expect(missing).toEqual([])
  })

  test('what is built in needs no file; what is nowhere is named, unless optional', () => {
    const wanted = [{ name: 'virtio_blk' }, { name: 'btrfs' }, { name: 'pvpanic', optional: true }]
    expect(loadOrder(index, wanted)).toEqual({ paths: [], missing: ['btrfs'] })
  })
})

test('apt’s plan becomes the names of package files', () => {
  const plan =
    'Reading package lists...\nInst libc6 (2.36-9+deb12u14 Debian:12.14/oldstable, Debian-Security:12/oldstable-security [amd64])\n' +
    'Inst qemu-guest-agent (1:7.2+dfsg-7 Debian:12.14/oldstable [amd64]) []\nInst usrmerge (37 Debian:12.14/oldstable [all])\nConf libc6 (2.36-9+deb12u14 Debian [amd64])\n'
  expect(readPlan(plan).map(one => one.file)).toEqual([
    'libc6_2.36-9+deb12u14_amd64.deb',
    'qemu-guest-agent_1%3a7.2+dfsg-7_amd64.deb',
    'usrmerge_37_all.deb',
  ])
})

test('the installation is counted, over both of its rounds', () => {
  const said: string[] = []
  const hear = installProgress(line => said.push(line))
  const spoken = [
    'I: downloading packages with apt...',
    '0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.',
    'Get:1 http://deb.debian.org/debian bookworm/main amd64 dash amd64 0.5.12-2 [98.5 kB]',
    'Unpacking dash (0.5.12-2) ...',
    'Setting up dash (0.5.12-2) ...',
    'Setting up dash (0.5.12-2) ...',
    'I: installing remaining packages inside the chroot...',
    '0 upgraded, 3 newly installed, 0 to remove and 0 not upgraded.',
    '0 upgraded, 3 newly installed, 0 to remove and 0 not upgraded.',
    'Setting up gcc (4:12.2.0-3) ...',
  ]
  for (const line of spoken) hear(line)
  expect(said).toEqual([
    'downloading packages (1/2)…',
    'unpacking packages (1/2)…',
    'installing packages (1/2)…',
    'installing packages (2/5)…',
  ])
})

describe('a program of the host', () => {
  test('that fails is told with its last lines and a remedy', async () => {
    const args = ['-c', 'seq 100 >&2; exit 3']
    const fault = await faultOf(runCommand({ command: 'sh', args, timeoutMs: 10_000, remedy: 'count less' }))
    expect(fault).toMatchObject({ kind: 'refused', remedy: 'count less' })
    expect(fault.message).toMatch(/^sh failed with exit code 3; it said last:\n {2}93\n/)
    expect(fault.message.split('\n')).toHaveLength(9)
  })

  test('that is too slow is ended, with what it started', async () => {
    const pids: number[] = []
    const args = ['-c', 'sleep 1000 & echo $!; wait']
    const onLine = (line: string) => pids.push(Number(line))
    const fault = await faultOf(runCommand({ command: 'sh', args, timeoutMs: 2000, onLine }))
    expect(fault.kind).toBe('timeout')
    const status = () => readFileSync(`/proc/${pids[0]}/status`, 'utf8')
    await expect.poll(() => runs(status), { timeout: 10_000 }).toBe(false)
  })

  test('that is not wanted any more ends with the signal’s reason', async () => {
    const stop = new AbortController()
    const onLine = () => stop.abort(new Error('enough'))
    const args = ['-c', 'echo begun; sleep 1000']
    const running = runCommand({ command: 'sh', args, timeoutMs: 60_000, onLine, signal: stop.signal })
    await expect(running).rejects.toThrow('enough')
  })

  test('that is not installed is told with its package', async () => {
    const fault = await faultOf(
      runCommand({ command: 'mmdebstrap', args: [], env: { PATH: '/nowhere' }, timeoutMs: 1000 }),
    )
    expect(fault).toMatchObject({ kind: 'unreachable', remedy: 'apt-get install mmdebstrap' })
  })
})

/** A process that is ended may stay a zombie until its parent looks. */
const runs = (status: () => string): boolean => {
  try {
    return !/^State:\tZ/m.test(status())
  } catch {
    return false
  }
}

describe('an image’s source', () => {
  test.each([
    ['packages', { packages: ['gcc'] }],
    ['kind', { kind: 'busybox' as const }],
    ['disk', { diskMiB: 8192 }],
  ])('changes with %s', (_, change) => {
    expect(imageSource({ ...debian, ...change })).not.toBe(imageSource(debian))
  })

  test.each([
    ['memory and processors', { memoryMiB: 4096, cpus: 4 }],
    ['the order of packages', { packages: packages.toReversed() }],
  ])('does not change with %s', (_, change) => {
    expect(imageSource({ ...debian, ...change })).toBe(imageSource(debian))
  })

  test('busybox has no disk to be changed', () => {
    expect(imageSource({ ...busybox, diskMiB: 1 })).toBe(imageSource(busybox))
  })
})

describe('a manifest', () => {
  const copies = join(temporary, 'farm')
  const manifest = join(copies, 'images/busybox/manifest.json')
  const remedy = 'grapevine image build busybox'

  /** A copy of the built image, laid out as published. */
  const copy = async () => {
    const { folder } = await loadImage(builtFarm, 'busybox')
    rmSync(copies, { recursive: true, force: true })
    mkdirSync(join(copies, 'images'), { recursive: true })
    cpSync(folder, join(copies, 'images/busybox@1'), { recursive: true })
    symlinkSync('busybox@1', join(copies, 'images/busybox'))
  }
  const rewrite = (change: (text: string) => string) => {
    const text = readFileSync(manifest, 'utf8')
    rmSync(manifest)
    writeFileSync(manifest, change(text))
  }

  test('leads to the build’s own folder', async () => {
    await copy()
    expect((await loadImage(copies, 'busybox')).folder).toBe(join(copies, 'images/busybox@1'))
  })

  test('of an image that was never built: the command that builds it', async () => {
    expect(await faultOf(loadImage(copies, 'plan9'))).toMatchObject({
      kind: 'refused',
      remedy: 'grapevine image build plan9',
      message: `there is no image plan9 in ${join(copies, 'images')}`,
    })
  })

  test.each([
    ['is not JSON', () => rewrite(text => text.slice(0, 100)), /its manifest is damaged/],
    ['lacks a field', () => rewrite(text => text.replace(/"shell": .*\n/, '')), /damaged: shell: /],
    ['has a field too many', () => rewrite(text => text.replace('{', '{"x": 1,')), /damaged: .*x/],
    [
      'leads out of its folder',
      () => rewrite(text => text.replace('"vmlinuz"', '"../vmlinuz"')),
      /files\.kernel\.file/,
    ],
    [
      'is another image’s',
      () => rewrite(text => text.replace('"name": "busybox"', '"name": "other"')),
      /one of image other/,
    ],
    ['is missing', () => rmSync(manifest), /its manifest cannot be read/],
    [
      'is there and the kernel is not',
      () => rmSync(join(copies, 'images/busybox/vmlinuz')),
      /vmlinuz is missing/,
    ],
    [
      'is there and a file was cut',
      () => truncateSync(join(copies, 'images/busybox/initrd.img'), 4096),
      /initrd\.img has 4096 bytes/,
    ],
  ])('that %s is a fault with a remedy', async (_, damage, message) => {
    await copy()
    damage()
    const fault = await faultOf(loadImage(copies, 'busybox'))
    expect(fault).toMatchObject({ kind: 'damaged', remedy })
    expect(fault.message).toMatch(message)
  })

  test('is not made anew while its source is the same', async () => {
    await copy()
    const said: string[] = []
    const image = await buildImage({ config: busybox, folder: copies, progress: line => said.push(line) })
    expect(said).toEqual([])
    expect(image.folder).toBe(join(copies, 'images/busybox@1'))
  })
})

describe('guests of the built images', () => {
  const guests = new Map<string, Guest>()
  const env = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root']
  const say = (name: string, script: string, span = 100_000) => {
    const guest = guests.get(name) ?? expect.fail(`${name} did not boot`)
    const request = { path: '/bin/sh', args: ['-c', script], env, capture: true }
    return runTool(guest.machine, request, span).then(text => text.trim())
  }

  beforeAll(async () => {
    const qemu = await probeQemu()
    for (const config of [debian, busybox]) {
      const folder = mkdtempSync(join(temporary, 'guest-'))
      const image = await bootable(builtFarm, [config], config.name)
      const overlay = join(folder, 'disk.qcow2')
      if (image.disk) await createOverlay(overlay, image.disk)
      const disk = image.disk && { overlay, backing: [image.disk] }
      const memory = { file: join(folder, 'memory'), shared: false }
      const places = { name: `grapevine-image-test-${process.pid}`, memory, disk }
      const layout = layoutOf(image, 'tcg')
      const spec = { qemu, layout, places, folder, shell: image.shell, deadlines: defaultDeadlines }
      guests.set(config.name, await boot(spec, defaultDeadlines.bootMs))
    }
  })
  afterAll(async () => {
    for (const guest of guests.values()) await guest.machine.kill()
  })

  describe.each([debian, busybox])('$name', config => {
    const { name } = config

    test('is of this source', async () => {
      expect((await loadImage(builtFarm, name)).source).toBe(imageSource(config))
    })

    test('has its ports under their names', async () => {
      const found = await say(
        name,
        'for port in /dev/virtio-ports/*; do [ -c "$port" ] && basename "$port"; done',
      )
      expect(found.split('\n').sort()).toEqual([
        'grapevine.log',
        'grapevine.stream',
        'org.qemu.guest_agent.0',
      ])
    })

    test('has what programs expect, and no network', async () => {
      const asked = [
        'hostname',
        'id -u',
        'touch /root/here /tmp/here /run/here /dev/shm/here && echo writable',
        'echo through > /dev/fd/1',
        'cat /sys/class/net/lo/flags',
        'ls /sys/class/net',
      ]
      const expected = ['guest', '0', 'writable', 'through', '0x9', 'lo']
      expect((await say(name, asked.join('; '))).split('\n')).toEqual(expected)
    })

    test('has the tools that the farm uses', async () => {
      const tools = [
        'hwclock',
        'date',
        'sha256sum',
        'tar',
        'head',
        'mkfifo',
        'setsid',
        'poweroff',
        'reboot',
        'ps',
      ]
      const found = await say(
        name,
        `for tool in ${tools.join(' ')}; do command -v $tool > /dev/null && echo $tool; done`,
      )
      expect(found.split('\n')).toEqual(tools)
      const digest = createHash('sha256').update('ab').digest('hex')
      expect(await say(name, 'printf abc | head -c 2 | sha256sum')).toContain(digest)
    })

    test('can tell its clones apart, and tells a panic', async () => {
      expect(await say(name, 'ls /sys/bus/acpi/drivers')).toMatch(/^vmgenid$/m)
      expect(await say(name, 'cat /proc/modules')).toMatch(/^pvpanic_pci /m)
    })

    test('has its agent back when that dies', async () => {
      const { agent } = guests.get(name)?.machine ?? expect.fail(`${name} did not boot`)
      const before = await say(name, 'busybox pidof qemu-ga')
      // The agent may die before it has answered that it started this, and takes what it was asked meanwhile with it.
      const murder = { path: '/bin/busybox', args: ['killall', '-9', 'qemu-ga'], env }
      await startProgram(agent, murder, { capture: false, span: 5000 }).catch(() => {})
      const now = () => say(name, 'busybox pidof qemu-ga', 5000).catch(() => before)
      await expect.poll(now, { timeout: 100_000 }).not.toBe(before)
    })
  })

  test('a patch is applied and built in the Debian guest, and the program runs in the busybox guest', async () => {
    const patch = [
      'From 1111111111111111111111111111111111111111 Mon Sep 17 00:00:00 2001',
      'From: Ann Author <ann@example.org>',
      'Date: Mon, 7 Sep 2026 10:00:00 +0200',
      'Subject: [PATCH] say it',
      '',
      '---',
      'diff --git a/say.c b/say.c',
      'new file mode 100644',
      '--- /dev/null',
      '+++ b/say.c',
      '@@ -0,0 +1,3 @@',
      '+#include <math.h>',
      '+#include <stdio.h>',
      '+int main(int count, char **words) { return printf("%.3f\\n", sin(count)) < 0; }',
      '--',
      '2.39.5',
      '',
    ].join('\n')
    const encoded = Buffer.from(patch).toString('base64')
    const script = `cd /root && git init -q work && cd work && echo ${encoded} | base64 -d | git am -q && git log --format=%cn && gcc say.c -o say -lm && base64 -w0 say`
    const [committer, program] = (await say('debian', script)).split('\n')
    expect(committer).toBe('Grapevine')
    const run = `echo ${program} | base64 -d > /tmp/say && chmod +x /tmp/say && /tmp/say`
    expect(await say('busybox', run)).toBe(Math.sin(1).toFixed(3))
  })
})
