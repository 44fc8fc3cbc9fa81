// How guests are spoken to: what the program in a Linux guest promises beyond a clone's own promises, guests that lie, and guests without it.
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { boot } from '../../src/farm/boot.ts'
import { bootable, layoutOf } from '../../src/farm/bootable.ts'
import { defaultDeadlines } from '../../src/farm/deadline.ts'
import { exec, type Guest } from '../../src/farm/exec.ts'
import { speakByAgent } from '../../src/farm/guest/agent-speech.ts'
import { linuxByAgent } from '../../src/farm/guest/by-agent/linux.ts'
import { windowsByAgent } from '../../src/farm/guest/by-agent/windows.ts'
import { frame, frameReader } from '../../src/farm/guest/frames.ts'
import { systemFor } from '../../src/farm/guest/systems.ts'
import { probeQemu } from '../../src/farm/qemu.ts'
import type { Clone, Farm } from '../../src/ports/farm.ts'
import { command, images, openFarm, plain, requireImage, say, sharedFolder, silent } from './world.ts'

const token = 'test-guest'
let farm: Farm
let template: string

beforeAll(async () => {
  requireImage('busybox')
  farm = await openFarm({ token, deadlines: { silenceMs: 4_000, lingerMs: 1_000, killMs: 10_000 } })
  await farm.reap()
  template = await farm.template(plain('busybox'), silent)
})

const inClone = async (use: (clone: Clone) => Promise<void>): Promise<void> => {
  const clone = await farm.lease({ run: `${token}-run`, template })
  try {
    await use(clone)
  } finally {
    await clone.release()
  }
}

const parcel = (bytes: Buffer) => ({ size: bytes.length, stream: Readable.from([bytes]) })

describe('frames', () => {
  const read = (...chunks: Buffer[]) => {
    const heard: string[] = []
    const reader = frameReader(({ type, id, payload }) => heard.push(`${type} ${id} ${payload}`))
    return { heard, whole: chunks.every(reader) }
  }
  const bytes = Buffer.concat([
    frame(102, 7, Buffer.from('some')),
    frame(103, 8),
    frame(1, 2, Buffer.from('x')),
  ])

  test.each([1, 5, 12, 1000])('come together from pieces of %i bytes', size => {
    const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
      bytes.subarray(n * size, (n + 1) * size),
    )
    expect(read(...pieces)).toEqual({ heard: ['102 7 some', '103 8 ', '1 2 x'], whole: true })
  })

  test('a length that no frame has is not waited for', () => {
    const long = frame(102, 1)
    long.writeUInt32LE(40_000, 8)
    expect(read(long).whole).toBe(false)
    expect(read(Buffer.from('a guest that prints on this port')).whole).toBe(false)
  })
})

describe('the program in a Linux guest', () => {
  test('kills what went into sessions of its own, and leaves what was there before', () =>
    inClone(async clone => {
      await say(clone, 'setsid sleep 1000 > /dev/null & sleep 0.1')
      const script = 'setsid sh -c "sleep 1001 & sleep 1002" & (setsid sleep 1003 &) ; sleep 1004'
      expect(await clone.exec(command(script, 1_500))).toMatchObject({ kind: 'timed-out' })
      expect(await say(clone, 'ps | grep "[s]leep 1" | sed "s/.*sleep/sleep/"')).toBe('sleep 1000')
    }))

  test('a process left in the background may go on printing, to nobody', () =>
    inClone(async clone => {
      expect(await say(clone, '(while :; do echo left; done) & echo begun')).toMatch(/^(left\n)*begun/)
      expect(await say(clone, 'echo next')).toBe('next')
      expect(await say(clone, 'jobs; pidof sh | wc -w')).not.toBe('1')
    }))

  test('two commands at once do not mix', () =>
    inClone(async clone => {
      const letters = ['a', 'b'].map(letter => say(clone, `for n in $(seq 50); do echo ${letter}; done`))
      expect(await Promise.all(letters)).toEqual(['a', 'b'].map(letter => Array(50).fill(letter).join('\n')))
    }))

  test('a script that is too long is an exit code, with words', () =>
    inClone(async clone => {
      let said = ''
      const onOutput = (chunk: Buffer) => {
        said += chunk
      }
      for (const length of [200_000, 300_000]) {
        const ending = await clone.exec(command(`: ${'x'.repeat(length)}`), { onOutput })
        expect(ending).toEqual({ kind: 'finished', exitCode: 127 })
      }
      expect(said).toMatch(/too long.*longer than/s)
    }))

  test('no room in the guest: a Fault with its words, and the next transfer goes on', () =>
    inClone(async clone => {
      await say(clone, 'mkdir -p /small && mount -t tmpfs -o size=1m none /small')
      const much = clone.write('/small/much', parcel(Buffer.alloc(5_000_000)))
      await expect(much).rejects.toMatchObject({
        kind: 'refused',
        message: expect.stringMatching(/No space left/),
      })
      await say(clone, 'rm /small/much')
      const junk = clone.write('/small/tree', parcel(randomBytes(100_000)), { untar: true })
      await expect(junk).rejects.toMatchObject({ kind: 'refused', message: expect.stringContaining('tar') })
      await clone.write('/small/next', parcel(Buffer.from('next')))
      expect(String(await buffer(await clone.read('/small/next')))).toBe('next')
    }))

  test('more than the limit is a Fault, and the rest stays in the guest', () =>
    inClone(async clone => {
      await say(clone, 'dd if=/dev/zero of=/tmp/much bs=1M count=30 2> /dev/null')
      const read = async () => await buffer(await clone.read('/tmp/much', { limit: 1_000_000 }))
      await expect(read()).rejects.toMatchObject({ kind: 'refused', retry: 'never' })
      expect((await buffer(await clone.read('/tmp/much', { limit: 30 * 2 ** 20 }))).length).toBe(30 * 2 ** 20)
      // What is longer at each look ends as well.
      const endless = async () => await buffer(await clone.read('/dev', { tar: ['zero'], limit: 1_000_000 }))
      expect((await endless()).length).toBeLessThan(100_000)
    }))
})

describe('a guest that lies', () => {
  /** The program is killed, and the script speaks in its place. */
  const impostor = (script: string) =>
    `port=/dev/virtio-ports/grapevine.log; trap "" PIPE
     killall -9 grapevine-guest; while ! : <> $port; do :; done 2> /dev/null; exec 3<>$port; ${script}; sleep 1000`

  test.each([
    ['noise', 'cat /dev/urandom >&3'],
    [
      'a length beyond all bounds',
      'printf "\\146\\0\\0\\0\\1\\0\\0\\0\\377\\377\\377\\377" >&3; cat /dev/zero >&3',
    ],
    ['frames that nobody asked for', 'yes "$(printf "\\147\\1\\1\\1\\1\\1\\1\\1")" | tr "\\n" "\\001" >&3'],
  ])('%s: it hangs, and the host keeps nothing of it', (_, script) =>
    inClone(async clone => {
      const before = process.memoryUsage.rss()
      const ending = await clone.exec(command(impostor(script), 30_000))
      expect(ending).toMatchObject({ kind: 'hung' })
      expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 2 ** 20)
    }),
  )
})

describe('a guest by its agent alone', () => {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-guest-'))
  let booted: Guest
  let guest: Guest

  beforeAll(async () => {
    const image = await bootable(sharedFolder, images, 'busybox')
    const places = { name: `${token}-agent`, memory: { file: join(folder, 'memory'), shared: false } }
    const spec = {
      qemu: await probeQemu(),
      layout: layoutOf(image, 'tcg'),
      places: { ...places, disk: undefined },
      ...{ folder, os: image.os, shell: image.shell, deadlines: defaultDeadlines },
    }
    booted = await boot(spec, defaultDeadlines.bootMs)
    const { machine, deadlines } = booted
    guest = {
      machine,
      deadlines,
      says: speakByAgent(linuxByAgent, { machine, shell: image.shell, deadlines }),
    }
    await guest.says.plumb(folder)
  })
  afterAll(async () => {
    await booted?.machine.kill()
    rmSync(folder, { recursive: true })
  })

  test('answers, wakes up, and runs commands with live output', async () => {
    const { says } = guest
    await says.hello(30_000)
    await says.wake(Date.UTC(2030, 0, 2), 'woken')
    let said = ''
    const onOutput = (chunk: Buffer) => {
      said += chunk
    }
    const ending = await exec(guest, command('hostname; date +%Y-%m-%d; echo err >&2; exit 3'), { onOutput })
    expect(ending).toEqual({ kind: 'finished', exitCode: 3 })
    expect(said).toBe('woken\n2030-01-02\nerr\n')
    expect(await exec(guest, command('sleep 1000', 1_000))).toMatchObject({ kind: 'timed-out' })
  })

  test('takes and gives bytes, and keeps its canary', async () => {
    const bytes = randomBytes(700_001)
    await guest.says.write('/tmp/deep/blob', parcel(bytes))
    expect((await buffer(await guest.says.read('/tmp/deep/blob'))).equals(bytes)).toBe(true)
    const tooMuch = guest.says.read('/tmp/deep/blob', { limit: 700_000 })
    await expect(tooMuch).rejects.toMatchObject({ kind: 'refused', retry: 'never' })
    const packed = guest.says.read('/tmp', { tar: ['deep'], limit: 700_000 })
    await expect(packed).rejects.toMatchObject({ kind: 'refused', retry: 'never' })
    const planted = await guest.says.plantCanary(false)
    expect(await guest.says.readCanary(false)).toBe(planted)
    await exec(guest, command('echo > /var/tmp/grapevine/canary'))
    expect(await guest.says.readCanary(false)).not.toBe(planted)
  })

  test('is powered off in order, by the program', async () => {
    await booted.says.powerOff()
    expect(await guest.machine.fate.rung).toEqual({ kind: 'powered-off' })
  })
})

describe('what a Windows guest is told', () => {
  const script = ({ args }: { args: string[] }) =>
    Buffer.from(args.at(-1) ?? '', 'base64').toString('utf16le')
  const { launch, scratch, kill, unpack, wake } = windowsByAgent

  test('is found by the system of an image', () => {
    expect(systemFor('windows').plumbing).toBe('none')
    expect(systemFor('linux').plumbing).toMatch(/^[0-9a-f]{64}$/)
  })

  test('a command: its folder is made, its lines end in CRLF, both outputs go into the file', () => {
    const said = script(
      launch({
        shell: 'C:\\Windows\\System32\\cmd.exe',
        script: 'echo 1\nexit /b 3',
        folder: "C:\\it's",
        output: scratch('ab'),
      }),
    )
    expect(said).toContain("New-Item -ItemType Directory -Force -Path 'C:\\it''s'")
    expect(said).toContain(Buffer.from('@echo off\r\necho 1\r\nexit /b 3\r\n').toString('base64'))
    expect(said).toContain(`< NUL > "' + 'C:\\ProgramData\\Grapevine\\ab' + '" 2>&1"'`)
    expect(said).toMatch(/exit \$started\.ExitCode$/)
  })

  test('a command of PowerShell is a script of its own kind', () => {
    const said = script(
      launch({ shell: 'powershell.exe', script: 'exit 1', folder: 'C:\\', output: scratch('ab') }),
    )
    expect(said).toContain("'C:\\ProgramData\\Grapevine\\ab.ps1'")
    expect(said).toContain('-File')
  })

  test('quotes of any kind in a path stay in it', () => {
    expect(script(unpack('C:\\a', 'C:\\\u2019; calc; \u2018'))).toContain(
      "'C:\\\u2019\u2019; calc; \u2018\u2018'",
    )
  })

  test('the clock is set to the time, and a process is killed with its children', () => {
    expect(script(wake({ now: 1_700_000_000_123, name: 'n', seed: 's' }))).toContain('(1700000000123)')
    expect(script(kill(77))).toContain('taskkill.exe /F /T /PID 77')
  })
})
