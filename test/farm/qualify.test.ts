// A host that cannot lie: accelerators that crash or hang guests are found out, a host without a working one is unfit, and a soak tells what failed.
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootable } from '../../src/farm/bootable.ts'
import { defaultDeadlines } from '../../src/farm/deadline.ts'
import { thisOwner } from '../../src/farm/owner.ts'
import { probeQemu, type Qemu } from '../../src/farm/qemu.ts'
import { type Ground, runCanary } from '../../src/farm/qualify/canary.ts'
import { hostFacts, keyOf } from '../../src/farm/qualify/facts.ts'
import { fitness } from '../../src/farm/qualify/fitness.ts'
import { canaryImage } from '../../src/farm/qualify/image.ts'
import { lastReport } from '../../src/farm/qualify/record.ts'
import { runSoak } from '../../src/farm/qualify/soak.ts'
import { isGood, isWell, verifyHost } from '../../src/farm/qualify/verify.ts'
import { Fault } from '../../src/model/fault.ts'
import type { Alarm } from '../../src/model/incident.ts'
import { images, newFolder, qemusOf, requireImage, silent } from './world.ts'

const token = `test-qualify-${process.pid}`
const { folder, remove } = newFolder()
const programs = mkdtempSync(join(tmpdir(), 'grapevine-programs-'))
const busybox = images.filter(({ name }) => name === 'busybox')
let qemu: Qemu

beforeAll(async () => {
  requireImage('busybox')
  chmodSync(programs, 0o755)
  qemu = await probeQemu()
})

afterAll(() => {
  const left = [qemusOf(token), readdirSync(join(folder, 'clones'))]
  rmSync(programs, { recursive: true })
  remove()
  expect(left).toEqual([[], []])
})

/** A QEMU whose arguments go through a shell's `case`, one after another. */
const altered = (name: string, cases: string): Qemu => {
  const program = join(programs, name)
  const script = `#!/bin/sh
left=$#
while [ $left -gt 0 ]; do
  word=$1; shift; left=$((left - 1))
  case $word in
    ${cases}
    *) set -- "$@" "$word" ;;
  esac
done
exec ${qemu.program} "$@"
`
  writeFileSync(program, script, { mode: 0o755 })
  return { ...qemu, program }
}

/** As some hosts' /dev/kvm: it opens, and the guest never gets through its boot. Here the firmware finds nothing to boot, and waits for ever. */
const hanging = () =>
  altered(
    'hanging',
    `-kernel | -append | -initrd) shift; left=$((left - 1)) ;;
    *,accel=kvm,*) set -- "$@" "\${word%%,accel=*},accel=tcg,memory-backend=mem" ;;
    host) set -- "$@" max ;;`,
  )

const ground = (own: Partial<Ground> = {}): Ground => ({
  ...{ folder, owner: thisOwner(token), qemu, deadlines: defaultDeadlines },
  signal: new AbortController().signal,
  ...own,
})

const alarms = () => {
  const said: string[] = []
  const alarm: Alarm = {
    raise: async (trouble, about, detail) => void said.push(`raise ${trouble} ${about}: ${detail}`),
    clear: async (trouble, about) => void said.push(`clear ${trouble} ${about}`),
  }
  return { alarm, said }
}

const childrenOf = (file: string): string[] => readFileSync(file, 'utf8').split(' ').filter(Boolean)

/** A canary and a soak on a loaded machine. */
const longMs = 400_000

const host = { folder, images: busybox, token, accelerator: 'tcg', host: 'here' } as const

test('an accelerator in which guests hang is found out by its deadline, in one line', async () => {
  const image = await bootable(folder, busybox, 'busybox')
  const deadlines = { ...defaultDeadlines, qualifyMs: 2_000 }
  const answer = await runCanary(ground({ qemu: hanging(), deadlines }), { image, accelerator: 'kvm' })
  expect(answer.works).toBe(false)
  expect(answer.why).toMatch(/^no guest gets through its boot with it \(.*within 2 s.*\)$/)
})

test('what a person can mend says nothing of an accelerator: it is told, and not kept as its failure', async () => {
  const shut = new Fault('refused', 'later', 'QEMU may not open it', { remedy: 'chmod o+r it' })
  const jail = { farm: folder, enter: () => Promise.reject(shut), seal: async () => {} }
  expect(await fitness({ ...host, qemu: { ...qemu, jail } })).toBe('QEMU may not open it; chmod o+r it')
  expect(await lastReport(folder)).toBe(undefined)
  const full = {
    ...jail,
    enter: () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC', errno: -28 })),
  }
  expect(await fitness({ ...host, qemu: { ...qemu, jail: full } })).toContain('no space left on the disk')
})

test("this host's own KVM works, or ends in one line: it never hangs", async () => {
  const image = await bootable(folder, busybox, 'busybox')
  const answer = await runCanary(ground(), { image, accelerator: 'kvm' })
  expect(answer.why).toMatch(/^[^\n]{10,400}$/)
  expect(answer.why.startsWith('a guest booted, did its job')).toBe(answer.works)
})

test(
  'a host is qualified, soaked and on record; it is asked again only when it changed',
  async () => {
    const told: string[] = []
    const { report, file } = await verifyHost({
      ...{ ...host, rounds: 1, forks: 2, load: 0, soakImage: 'busybox' },
      ...{ progress: silent, tell: line => void told.push(line) },
    })
    expect(told).toEqual([expect.stringMatching(/^TCG works: boot [\d.]+ s, job .* freeze .* fork /)])
    expect(isGood(report)).toBe(true)
    expect(report.soaks).toMatchObject([
      {
        ...{ accelerator: 'tcg', image: 'busybox', rounds: 1, failedRounds: 0, failures: [] },
        ...{ saves: { ok: 1, failed: 0 }, forks: { ok: 2, failed: 0 }, digests: { changed: [] } },
      },
    ])
    expect(await lastReport(folder)).toEqual({ report, file })

    const { alarm, said } = alarms()
    const asked: string[] = []
    const log = (line: string) => void asked.push(line)
    expect(await fitness({ ...host, alarm, log })).toBe(undefined)
    expect([asked, said]).toEqual([[], ['clear host-unqualified here']])

    // Another QEMU, in which no guest boots.
    const other = { ...hanging(), version: 'another' }
    const unfit = await fitness({ ...host, alarm, log, qemu: other, deadlines: { qualifyMs: 500 } })
    expect(unfit).toMatch(/^no accelerator of this host works: TCG: no guest gets through its boot/)
    expect(asked.length).toBeGreaterThan(0)
    expect(said.at(-1)).toBe(
      `raise host-unqualified here: ${unfit}; when it is mended: grapevine host verify`,
    )
    expect((await lastReport(folder))?.report.accelerator).toBe(undefined)

    expect(await fitness({ ...host, alarm })).toBe(undefined)
    expect(said.at(-1)).toBe('clear host-unqualified here')
  },
  longMs,
)

test(
  'forks that do not come up are failures of the soak, with their reason, not its end',
  async () => {
    const broken = altered('broken', `*'"share":false'*) echo 'no private memory today' >&2; exit 1 ;;`)
    const told: string[] = []
    const soak = await runSoak(ground({ qemu: broken }), {
      ...{ image: await canaryImage(folder, busybox), accelerator: 'tcg', rounds: 1, forks: 1, load: 0 },
      ...{ progress: silent, trouble: line => void told.push(line) },
    })
    expect(isWell(soak)).toBe(false)
    expect(soak).toMatchObject({ failedRounds: 1, saves: { ok: 1 }, forks: { ok: 0, failed: 1 } })
    expect(told).toEqual([expect.stringMatching(/^round 1: fork 1: .*no private memory today/)])
  },
  longMs,
)

test('what is given up leaves nothing: no guest, no busy loop, no folder, no report', async () => {
  const stop = new AbortController()
  const before = await lastReport(folder)
  const load = () =>
    readdirSync('/proc/self/task').flatMap(task => childrenOf(`/proc/self/task/${task}/children`))
  const already = load()
  const given = runSoak(ground({ signal: stop.signal }), {
    ...{ image: await canaryImage(folder, busybox), accelerator: 'tcg', rounds: 9, forks: 9, load: 2 },
    ...{ progress: () => stop.abort(new Error('given up')), trouble: silent },
  })
  await expect(given).rejects.toThrow('given up')
  expect(load()).toEqual(already)
  expect(qemusOf(token)).toEqual([])
  expect(readdirSync(join(folder, 'clones'))).toEqual([])
  expect(await lastReport(folder)).toEqual(before)
})

test('without an image there is nothing to try, and it says what to do', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'grapevine-farm-'))
  const why = await fitness({ ...host, folder: empty })
  rmSync(empty, { recursive: true })
  expect(why).toBe(
    'no Linux image is built here, so that no guest can be tried; grapevine image build busybox',
  )
})

test('each fact of a host makes it another host', async () => {
  const facts = await hostFacts(qemu)
  const keys = (Object.keys(facts) as (keyof typeof facts)[]).map(name =>
    keyOf({ ...facts, [name]: `${facts[name]}, changed` }),
  )
  expect(new Set([keyOf(facts), ...keys]).size).toBe(keys.length + 1)
  expect(keyOf(await hostFacts(qemu))).toBe(keyOf(facts))
})
