// What never ends, or never begins: guests that talk without end or let a byte drop now and then, QEMUs that say nothing. None is kept, none waited for.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Duplex, PassThrough } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openAgent } from '../../src/farm/agent.ts'
import { bell, defaultDeadlines } from '../../src/farm/deadline.ts'
import { type Frame, frame, tells, uint32, uint64 } from '../../src/farm/guest/frames.ts'
import { type Link, openLink } from '../../src/farm/guest/link.ts'
import { transfersByProgram } from '../../src/farm/guest/transfer.ts'
import { type Fate, startMachine } from '../../src/farm/machine.ts'
import { type Layout, probeQemu, type Qemu } from '../../src/farm/qemu.ts'

/** A port whose other side says what it is told to. */
const port = (asked: (request: string, say: (bytes: string) => void) => void = () => {}) => {
  const side: Duplex = new Duplex({
    read() {},
    write(chunk: Buffer, _, done) {
      asked(chunk.subarray(chunk[0] === 0xff ? 1 : 0).toString(), bytes =>
        side.push(Buffer.from(bytes, 'latin1')),
      )
      done()
    },
  })
  return side
}

test("an agent's answers are heard whole, in whatever pieces they come", async () => {
  const agent = openAgent(
    port((request, say) => {
      const { execute, arguments: args } = JSON.parse(request)
      const answer =
        execute === 'guest-sync-delimited' ? `half a word\xff{"return":${args.id}}` : '{"return":"ü€"}'
      for (const piece of Buffer.from(`${answer}\n`, 'latin1')
        .toString('latin1')
        .match(/[\s\S]{1,3}/g) ?? [])
        say(piece)
    }),
  )
  await agent.sync(5_000)
  expect(await agent.command('guest-info', {}, 5_000)).toEqual(expect.any(String))
})

test.each([
  ['a line without an end', 'x'.repeat(65_536)],
  ['answers that nobody asked for', '{"return":{}}\n'.repeat(4_000)],
])('%s from an agent: the port is closed', async (_, noise) => {
  const side = port()
  const agent = openAgent(side)
  for (let pushed = 0; pushed < 500 && !side.destroyed; pushed++) {
    side.push(Buffer.from(noise))
    await new Promise(setImmediate)
  }
  expect(side.destroyed).toBe(true)
  await expect(agent.sync(1_000)).rejects.toThrow('did not answer')
})

test.each([
  ['output of nothing', frame(tells.output, 1)],
  ['the same answer again and again', frame(tells.done, 1, Buffer.alloc(20))],
])('%s: nobody listens any more', async (_, noise) => {
  const lost = bell<string>()
  const side = port()
  const { talk } = openLink(side, lost)
  let heard = 0
  expect(talk(() => heard++).id).toBe(1)
  side.push(Buffer.concat(Array.from({ length: 2_000 }, () => noise)))
  expect(await lost.rung).toContain('no program of ours')
  expect(heard).toBeLessThan(10)
})

/** A guest's program, played here: `begin` is called when a transfer was asked for. */
const played = (begin: (stream: PassThrough, tell: (type: number, payload: Buffer) => void) => void) => {
  const stream = new PassThrough()
  const link: Link = {
    talk: hear => {
      const tell = (type: number, payload: Buffer) => hear({ type, id: 1, payload } satisfies Frame)
      setImmediate(begin, stream, tell)
      return { id: 1, say: () => {}, end: () => {} }
    },
    ask: () => Promise.reject(new Error('not asked')),
    heardAt: () => 0,
    lost: bell(),
  }
  const deadlines = { ...defaultDeadlines, streamMs: 1000 }
  return transfersByProgram({ link, machine: { stream, fate: bell<Fate>() }, deadlines })
}

test('a file that comes byte by byte for ever is not waited for', async () => {
  let drip: NodeJS.Timeout | undefined
  const { read } = played((stream, tell) => {
    tell(tells.begin, Buffer.alloc(0))
    drip = setInterval(() => stream.write('x'), 20)
  })
  try {
    await expect(read('/file').then(buffer)).rejects.toMatchObject({ kind: 'timeout' })
  } finally {
    clearInterval(drip)
  }
})

test('a reader that takes its time is waited for, and costs nothing each time', async () => {
  const chunk = Buffer.alloc(1 << 20)
  const { read } = played((stream, tell) => {
    tell(tells.begin, Buffer.alloc(0))
    for (let n = 0; n < 30; n++) stream.write(chunk)
    // Nothing of it is right but its length: what counts here is that it came to that.
    tell(tells.done, Buffer.concat([uint64(30 << 20), uint64(0), uint32(0)]))
  })
  const out = await read('/file')
  let most = 0
  let bytes = 0
  const all = async () => {
    for await (const piece of out) {
      bytes += piece.length
      most = Math.max(most, out.listenerCount('close'))
      if (bytes <= 2 << 20) await new Promise(resolve => setTimeout(resolve, 1500))
    }
  }
  await expect(all()).rejects.toMatchObject({ kind: 'damaged' })
  expect(most).toBeLessThan(10)
})

const withProgram = async (script: string, use: (program: string, folder: string) => Promise<void>) => {
  const folder = mkdtempSync(join(tmpdir(), 'grapevine-program-'))
  const program = join(folder, 'program')
  writeFileSync(program, `#!/bin/sh\n${script}\n`)
  chmodSync(program, 0o755)
  try {
    await use(program, folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

const layout: Layout = {
  ...{ memoryMiB: 64, cpus: 1, accelerator: 'tcg', append: '', disk: false },
  ...{ kernel: undefined, initrd: undefined },
}

test('a QEMU that starts and says nothing is ended by the deadline', () =>
  withProgram('exec sleep 1000', async (program, folder) => {
    const qemu: Qemu = { program, version: '', machine: 'pc', sandbox: false, processor: '' }
    const memory = { file: join(folder, 'memory'), shared: false }
    const places = { name: 'mute', memory, disk: undefined, incoming: false }
    const deadlines = { ...defaultDeadlines, qmpMs: 500 }
    await expect(startMachine({ qemu, layout, places, folder, deadlines })).rejects.toMatchObject({
      kind: 'timeout',
    })
  }))

test('a QEMU that closes its monitor and stays is ended as well, and one that ends is told with its words', () =>
  withProgram(
    'exec 3>&- 3<&-; [ "$1" = -name ] && exec sleep 1000; echo "no such thing" >&2',
    async (program, folder) => {
      const qemu: Qemu = { program, version: '', machine: 'pc', sandbox: false, processor: '' }
      const memory = { file: join(folder, 'memory'), shared: false }
      const places = { name: 'mute', memory, disk: undefined, incoming: false }
      const deadlines = { ...defaultDeadlines, qmpMs: 500 }
      await expect(startMachine({ qemu, layout, places, folder, deadlines })).rejects.toMatchObject({
        kind: 'timeout',
      })
      await expect(probeQemu(program)).rejects.toThrow('no such thing')
    },
  ))

test('without file descriptors left it is a Fault, and the process goes on', () => {
  const module = fileURLToPath(new URL('../../src/farm/qemu.ts', import.meta.url))
  const script = `
    import { openSync } from 'node:fs'
    const { spawnQemu } = await import(${JSON.stringify(module)})
    try { for (;;) openSync('/dev/null') } catch {}
    try { spawnQemu(['true'], '/') } catch (error) { process.stdout.write(error.kind) }
    setTimeout(() => process.stdout.write(', and on'), 50)`
  const node = [process.execPath, '--input-type=module', '-e', script]
  const said = execFileSync('/bin/sh', ['-c', 'ulimit -n 64; exec "$@"', 'sh', ...node])
  expect(said.toString()).toBe('exhausted, and on')
})
