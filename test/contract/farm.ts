// What every farm promises, run on each of them.
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Clone, Command, Farm, TemplateSpec } from '../../src/ports/farm.ts'

export type FarmUnderTest = {
  farm: Farm
  /** An image with a Linux guest. */
  image: string
  /** What is there of clones: processes, running domains. */
  running: () => unknown[]
  stop: () => Promise<void>
}

/** What a farm does not promise, each with the reason; its tests are not made for it. */
export type Deviations = Partial<Record<'commands' | 'bytes' | 'endings' | 'templates', string>>

export const command = (script: string, timeoutMs = 60_000): Command => ({
  name: 'test',
  script,
  folder: '/root',
  timeoutMs,
})

export const collect = () => {
  const chunks: Buffer[] = []
  return {
    onOutput: (chunk: Buffer) => void chunks.push(chunk),
    text: () => Buffer.concat(chunks).toString('latin1'),
  }
}

/** What a command prints. */
export const say = async (clone: Clone, script: string): Promise<string> => {
  const { onOutput, text } = collect()
  const ending = await clone.exec(command(script), { onOutput })
  expect({ script, ending, output: text() }).toMatchObject({ ending: { kind: 'finished', exitCode: 0 } })
  return text().trim()
}

export const parcel = (bytes: Buffer) => ({ size: bytes.length, stream: Readable.from(pieces(bytes)) })

function* pieces(bytes: Buffer) {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536)
}

export const silent = (): void => {}

export const farmContract = (
  kind: string,
  make: () => Promise<FarmUnderTest>,
  deviations: Deviations = {},
): void => {
  describe(`${kind}: what every farm promises`, () => {
    let under: FarmUnderTest
    let template: string
    let runs = 0

    const plain = (): TemplateSpec => {
      const { image } = under
      return { label: `${image}, as it is`, image, content: 'nothing', files: [], prepare: [] }
    }
    const lease = () => under.farm.lease({ run: `test-contract-${++runs}`, template })
    const inClone = async (use: (clone: Clone) => Promise<void>): Promise<void> => {
      const clone = await lease()
      try {
        await use(clone)
      } finally {
        await clone.release()
      }
    }
    const endingOf = async (script: string, timeoutMs?: number) => {
      const clone = await lease()
      try {
        const ending = await clone.exec(command(script, timeoutMs))
        return { ending, evidence: await clone.evidence() }
      } finally {
        await clone.release()
      }
    }

    beforeAll(async () => {
      under = await make()
      template = await under.farm.template(plain(), silent)
    })
    afterAll(async () => {
      await under?.farm.close()
      await under?.stop()
    })

    describe('templates and leases', () => {
      it('the same template has the same id', async () => {
        expect(await under.farm.template(plain(), silent)).toBe(template)
      })

      it('a lease that is given up before it begins takes nothing', async () => {
        const signal = AbortSignal.abort(new Error('given up'))
        await expect(under.farm.lease({ run: 'never', template, signal })).rejects.toThrow('given up')
        expect(under.running()).toEqual([])
      })

      it('a command knows its exit code, cancelled is said at once, and a release leaves nothing', async () => {
        const clone = await lease()
        expect(under.running().length).toBe(1)
        expect(await clone.exec(command('exit 3'))).toEqual({ kind: 'finished', exitCode: 3 })
        const options = { signal: AbortSignal.abort() }
        expect(await clone.exec(command('true'), options)).toEqual({ kind: 'cancelled' })
        await clone.release()
        await clone.release()
        expect(under.running()).toEqual([])
        expect(Object.keys(await clone.evidence())).not.toEqual([])
      })
    })

    if (deviations.commands === undefined)
      describe('commands', () => {
        let clone: Clone
        beforeAll(async () => {
          clone = await lease()
        })
        afterAll(() => clone?.release())

        it('both kinds of output, in the folder that is made for it', async () => {
          const { onOutput, text } = collect()
          const made = { ...command('echo out; echo err >&2; pwd; exit 3'), folder: "/root/a folder's name" }
          expect(await clone.exec(made, { onOutput })).toEqual({ kind: 'finished', exitCode: 3 })
          expect(text()).toBe("out\nerr\n/root/a folder's name\n")
        })

        it('a signal', async () => {
          const ending = await clone.exec(command('kill -SEGV $$'))
          expect(ending).toEqual({ kind: 'finished', exitCode: 139, signal: 11 })
        })

        it('no output is lost at its end, and no byte is changed', async () => {
          const { onOutput, text } = collect()
          const script = 'seq 1 20000; printf "last\\0\\036\\377x"'
          await clone.exec(command(script), { onOutput })
          const wanted = `${Array.from({ length: 20_000 }, (_, at) => at + 1).join('\n')}\nlast\0\x1e\xffx`
          expect(text() === wanted).toBe(true)
        })

        it('output comes while it runs, and bytes go in meanwhile', async () => {
          const { onOutput, text } = collect()
          const script = 'echo ready; until [ -s /tmp/go ]; do sleep 0.1; done; echo gone'
          let told: Promise<void> | undefined
          const ending = await clone.exec(command(script), {
            onOutput: chunk => {
              onOutput(chunk)
              told ??= clone.write('/tmp/go', parcel(Buffer.from('go')))
            },
          })
          await told
          expect(ending).toEqual({ kind: 'finished', exitCode: 0 })
          expect(text()).toBe('ready\ngone\n')
        })

        it('a background child that holds the output delays nothing', async () => {
          const { onOutput, text } = collect()
          const ending = await clone.exec(command('sleep 1000 & echo now'), { onOutput })
          expect(ending).toEqual({ kind: 'finished', exitCode: 0 })
          expect(text()).toBe('now\n')
          await say(clone, 'killall sleep')
        })

        it('timed out, all its processes are killed, and the clone goes on', async () => {
          const { onOutput, text } = collect()
          const script = 'trap "" TERM HUP; (sleep 1000; echo never) & sleep 1001 & echo begun; wait'
          const ending = await clone.exec(command(script, 2000), { onOutput })
          expect(ending).toEqual({ kind: 'timed-out', afterMs: 2000 })
          expect(text()).toBe('begun\n')
          expect(await say(clone, 'pidof sleep || echo none')).toBe('none')
        })

        it('cancelled while it runs', async () => {
          const stop = new AbortController()
          const options = { onOutput: () => stop.abort(), signal: stop.signal }
          const ending = await clone.exec(command('echo begun; sleep 1000'), options)
          expect(ending).toEqual({ kind: 'cancelled' })
          const gone = 'until ! pidof sleep; do usleep 100000; done >/dev/null; echo none'
          expect(await say(clone, gone)).toBe('none')
        })

        it('released while it runs', async () => {
          const ending = await clone.exec(command('echo begun; sleep 1000'), {
            onOutput: () => void clone.release(),
          })
          expect(ending).toEqual({ kind: 'cancelled' })
          await clone.release()
          expect(under.running()).toEqual([])
        })
      })

    if (deviations.bytes === undefined)
      describe('bytes', () => {
        let clone: Clone
        beforeAll(async () => {
          clone = await lease()
        })
        afterAll(() => clone?.release())

        it.each([0, 1, 1_300_003])('%i bytes in and out', async size => {
          const bytes = randomBytes(size)
          await clone.write('/tmp/some folder/blob', parcel(bytes))
          const digest = createHash('sha256').update(bytes).digest('hex')
          expect(await say(clone, "sha256sum < '/tmp/some folder/blob'")).toContain(digest)
          const back = await buffer(await clone.read('/tmp/some folder/blob'))
          expect(back.equals(bytes)).toBe(true)
        })

        it('a tar stream is unpacked, and named paths come back as one', async () => {
          const folder = mkdtempSync(join(tmpdir(), 'grapevine-tar-'))
          try {
            writeFileSync(join(folder, 'one'), 'first')
            writeFileSync(join(folder, 'two words'), 'second', { mode: 0o755 })
            const tar = execFileSync('tar', ['-cf', '-', '-C', folder, '.'])
            await clone.write('/tmp/tree', parcel(tar), { untar: true })
            const look = 'cd /tmp/tree; ls -A; test -x "two words" && rm one && echo new > three'
            expect(await say(clone, look)).toBe('one\ntwo words')
            const back = await buffer(await clone.read('/tmp/tree', { tar: ['two words', 'three'] }))
            execFileSync('tar', ['-xf', '-', '-C', folder], { input: back })
            expect(readFileSync(join(folder, 'three'), 'utf8')).toBe('new\n')
            expect(readFileSync(join(folder, 'two words'), 'utf8')).toBe('second')
          } finally {
            rmSync(folder, { recursive: true, force: true })
          }
        })

        it('what is not there is refused, and the next transfer goes on', async () => {
          const no = { kind: 'refused', retry: 'never' }
          await expect(clone.read('/tmp/nothing')).rejects.toMatchObject(no)
          await expect(clone.read('/tmp', { tar: ['nothing'] })).rejects.toMatchObject({ kind: 'refused' })
          await clone.write('/tmp/next', parcel(Buffer.from('next')))
          expect(String(await buffer(await clone.read('/tmp/next')))).toBe('next')
        })

        it('a source that ends early is a Fault', async () => {
          const short = { size: 10, stream: Readable.from([Buffer.from('short')]) }
          await expect(clone.write('/tmp/short', short)).rejects.toMatchObject({ kind: 'malformed' })
        })

        it('another clone sees nothing of it, draws other random numbers, and knows the time', async () => {
          const uuid = 'cat /proc/sys/kernel/random/uuid'
          await say(clone, 'echo mine > /tmp/mine')
          const first = await say(clone, uuid)
          await clone.release()
          await inClone(async other => {
            const others = (await say(other, `ls /tmp; ${uuid}; date +%s`)).split('\n')
            const now = Number(others.at(-1))
            expect(others.slice(0, -2)).toEqual([])
            expect(others.at(-2)).toMatch(/^[0-9a-f-]{36}$/)
            expect(others.at(-2)).not.toBe(first)
            expect(Math.abs(now - Date.now() / 1000)).toBeLessThan(30)
          })
        })
      })

    if (deviations.endings === undefined)
      describe('endings', () => {
        it('powered off', async () => {
          const { ending, evidence } = await endingOf('poweroff -f; sleep 1000')
          expect(ending).toEqual({ kind: 'powered-off' })
          expect(JSON.parse(String(evidence.manifest))).toMatchObject({ commands: [{ ending }] })
        })

        it('panicked, with the evidence of it', async () => {
          const { ending, evidence } = await endingOf('echo c > /proc/sysrq-trigger; sleep 1000')
          expect(ending).toEqual({ kind: 'crashed', how: 'panic' })
          expect(String(evidence.console)).toContain('Kernel panic')
          expect(evidence.screenshot?.subarray(1, 4).toString()).toBe('PNG')
        })

        it('reset', async () => {
          const { ending } = await endingOf('echo b > /proc/sysrq-trigger; sleep 1000')
          expect(ending).toEqual({ kind: 'crashed', how: 'reset' })
        })

        it('hung', async () => {
          const { ending } = await endingOf('kill -9 -1; sleep 1000')
          expect(ending).toMatchObject({ kind: 'hung' })
        })

        it('nothing of them is left', () => {
          expect(under.running()).toEqual([])
        })
      })

    if (deviations.templates === undefined)
      describe('templates with something in them', () => {
        const made = (): TemplateSpec => ({
          ...plain(),
          label: 'contract',
          content: 'one file and one step',
          files: [
            {
              path: '/root/given',
              bytes: async () => parcel(Buffer.from('given')),
              untar: false,
            },
          ],
          prepare: [command('cat given > made; echo " and made" >> made')],
        })

        it('files and steps are in each of its clones', async () => {
          const id = await under.farm.template(made(), silent)
          expect(id).not.toBe(template)
          const clone = await under.farm.lease({ run: `test-contract-${++runs}`, template: id })
          expect(await say(clone, 'cat made; rm made')).toBe('given and made')
          await clone.release()
          expect(await under.farm.template(made(), silent)).toBe(id)
        })

        it('a step that fails is told with its output, and leaves nothing', async () => {
          const broken = { ...made(), content: 'broken', prepare: [command('echo so it is; exit 7')] }
          const failed = await under.farm.template(broken, silent).catch((error: unknown) => error)
          expect(failed).toMatchObject({
            name: 'PrepareFailed',
            ending: { kind: 'finished', exitCode: 7 },
            output: Buffer.from('so it is\n'),
          })
          expect(under.running()).toEqual([])
        })
      })
  })
}
