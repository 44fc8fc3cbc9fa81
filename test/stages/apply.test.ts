// Patches as mail brings them, applied by the script that guests run; once here, and once in a real guest.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { afterAll, describe, expect, test } from 'vitest'
import type { Clone } from '../../src/ports/farm.ts'
import { openFarm, plain, requireImage, silent } from '../farm/world.ts'
import { bring, type Case, makeRepository, play, playEach, playMake, tarOf } from './applying.ts'

const top = mkdtempSync(join(tmpdir(), 'grapevine-apply-'))
afterAll(() => rmSync(top, { recursive: true, force: true }))

const { folder, cases } = makeRepository(join(top, 'tally'))
const tar = tarOf(folder)

/** This machine in the place of a guest. */
const here = (root: string): Clone => {
  const inside = (path: string) => path.replaceAll('/grapevine/', `${root}/`)
  const env = {
    ...{ PATH: process.env.PATH, HOME: root, LC_ALL: 'C' },
    ...{ GIT_CONFIG_NOSYSTEM: '1', GIT_COMMITTER_NAME: 'guest', GIT_COMMITTER_EMAIL: 'guest@example.org' },
  }
  return {
    run: 'here',
    async exec(command, options) {
      const script = inside(command.script)
      const child = spawn('sh', ['-c', `exec 2>&1\n${script}`], { cwd: inside(command.folder), env })
      child.stdout.on('data', chunk => options?.onOutput?.(chunk))
      const [code] = await once(child, 'close')
      return { kind: 'finished', exitCode: Number(code) }
    },
    async write(path, { stream }) {
      mkdirSync(inside(path), { recursive: true })
      const child = spawn('tar', ['-C', inside(path), '-xf', '-'], { stdio: ['pipe', 'ignore', 'inherit'] })
      const closed = once(child, 'close')
      await pipeline(stream, child.stdin)
      await closed
    },
    read: () => Promise.reject(new Error('nothing is read')),
    evidence: async () => ({}),
    release: async () => {},
  }
}

const check = async (clone: Clone, one: Case) => {
  const came = await play(clone, one)
  if (one.says) expect(came).toMatchObject(one.says)
  else expect(came).toBe(one.tree)
}

describe('the apply script', () => {
  const clone = here(join(top, 'guest'))
  test.each([
    ['plain', ['made count.o', 'base']],
    ['a beginning on top of what it needs', ['made count.o', 'change', 'base']],
    ['a mode alone', ['base']],
  ])('a build without the patches makes again what they change, and no more: %s', async (name, says) => {
    await bring(clone, tar)
    const one = cases.find(other => other.name === name)
    const said = one && (await playMake(clone, { ...one, upTo: 0 }))
    expect([said].flat().filter(line => !/up to date/.test(String(line)))).toEqual(says)
  })

  test.each(cases.map(one => [one.name, one] as const))('%s', async (_, one) => {
    await bring(clone, tar)
    await check(clone, one)
  })

  const three = cases.find(({ name }) => name === 'three in a row') as Case
  /** A compiler that does not like a line. */
  const refuses = (line: string) =>
    `if grep -qx '${line}' src/count.c; then echo "src/count.c:5:1: error: ${line}"; exit 1; fi`

  test('patch by patch, those are found after which the tree does not build', async () => {
    await bring(clone, tar)
    expect(await playEach(clone, three, { run: refuses('five') })).toEqual({
      kind: 'walked',
      broken: [
        { position: 1, title: 'part 1', step: 'tree', errors: ['src/count.c:5:1: error: five'], plain: true },
      ],
    })
    // The last one is not looked at: the first build has it.
    expect(await playEach(clone, three, { run: refuses('six') })).toEqual({ kind: 'walked', broken: [] })
  })

  test('patch by patch, with what goes before, or is in already', async () => {
    const on = (name: string) => cases.find(one => one.name === name) as Case
    const run = 'grep -x five src/count.c || true; git rev-parse HEAD >>.git/seen; exit 0'
    for (const name of ['the first two of three are in', 'a beginning on top of what it needs'])
      expect(await playEach(clone, on(name), { run })).toEqual({ kind: 'walked', broken: [] })
  })

  test('patch by patch, as far as there is time', async () => {
    let left = 195_000
    const leftMs = () => (left -= 10_000)
    expect(await playEach(clone, three, { run: 'exit 1', leftMs })).toMatchObject({
      ...{ kind: 'walked', looked: 1, broken: [{ position: 1, step: 'tree' }] },
    })
  })

  /** Where guests could differ: what git makes of the mail, and of what is there already. */
  const telling = /^(a charset|base64|no author|Index|name, mode|on top|a beginning that)/
  test('it does the same in a real guest', async () => {
    requireImage('debian')
    const farm = await openFarm({ token: 'test-apply' })
    try {
      await farm.reap()
      const guest = await farm.lease({
        run: 'test-apply',
        template: await farm.template(plain('debian'), silent),
      })
      await bring(guest, tar)
      for (const one of cases.filter(({ name }) => telling.test(name))) await check(guest, one)
      expect(await playEach(guest, three, { run: refuses('five') })).toMatchObject({
        ...{ kind: 'walked', broken: [{ position: 1 }] },
      })
      await guest.release()
    } finally {
      await farm.close()
    }
  })
})
