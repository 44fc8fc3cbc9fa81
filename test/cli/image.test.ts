// `grapevine image` on disks that were brought in, as an operator types it: no guest is started.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bar } from '../../src/cli/progress.ts'

const bin = new URL('../../bin/grapevine', import.meta.url).pathname
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-cli-image-'))
  mkdirSync(join(folder, 'tally.git'))
  writeFileSync(
    join(folder, 'grapevine.yaml'),
    `administrator: { address: ada@example.org }
bot: { address: grapevine@example.org }
mail: { maildir: ./outbox }
farm:
  images:
    own: { kind: imported, memory: 256 MiB }
    far: { kind: libvirt, domain: far, snapshot: ready }
projects:
  tally:
    list: { address: tally-devel@example.org }
    repository: ./tally.git
    build: { image: own }
    test: { images: [own], steps: [{ name: all, run: ./all }] }
`,
  )
  const disk = Buffer.alloc(2 << 20, 'x')
  disk.fill(0, 0, 512)
  disk.writeUInt16LE(0xaa55, 510)
  writeFileSync(join(folder, 'disk.raw'), disk)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const grapevine = (...args: string[]) => {
  const { PATH, HOME } = process.env
  const { status, stdout, stderr } = spawnSync(bin, ['image', ...args], {
    ...{ cwd: folder, env: { PATH, HOME }, encoding: 'utf8' as const },
  })
  return { status, stdout, said: `${stdout}${stderr}` }
}

test('a disk is imported, listed, verified, and removed when nothing needs it', () => {
  expect(grapevine('list').said).toMatch(
    /^own +imported +missing\nfar +libvirt +in libvirt\n\nown is missing: grapevine image import own FILE\n$/m,
  )
  expect(grapevine('import', 'own', 'disk.raw', '--no-boot').said).toMatch(/own: ready in .*, not tried\n$/)
  const listed = grapevine('list', '--json').stdout.trim().split('\n')
  expect(listed.map(line => JSON.parse(line))).toMatchObject([
    { name: 'own', kind: 'imported', state: 'imported', older: [], remedy: null },
    { name: 'far', kind: 'libvirt', state: 'in libvirt', folder: null },
  ])
  expect(grapevine('verify')).toMatchObject({ status: 0, said: expect.stringMatching(/own@\S+: sound/) })

  const { folder: place } = JSON.parse(listed[0] ?? '')
  const disk = join(place, 'disk.qcow2')
  const bytes = readFileSync(disk)
  bytes.writeUInt8(bytes.readUInt8(bytes.length - 1) ^ 1, bytes.length - 1)
  chmodSync(disk, 0o644)
  writeFileSync(disk, bytes)
  const verified = grapevine('verify', 'own', '--json')
  expect(verified.status).toBe(1)
  expect(JSON.parse(verified.stdout)).toMatchObject({
    ...{ name: 'own', sound: false, remedy: 'grapevine image import own FILE' },
    flaws: [{ file: 'disk.qcow2', what: expect.stringContaining('its digest is') }],
  })

  const refused = grapevine('remove', 'own')
  expect(refused.status).toBe(69)
  expect(refused.said).toContain('project tally uses it')
  expect(grapevine('remove', 'own', '--force').said).toMatch(/^removed own@\S+: \d+ MiB freed\n$/)
})

test('what libvirt keeps is left to it', () => {
  expect(grapevine('build', 'far').said).toContain('far: not built here, libvirt keeps it')
  expect(grapevine('verify', 'far')).toMatchObject({
    status: 0,
    said: expect.stringContaining('libvirt keeps it'),
  })
  expect(grapevine('remove', 'far')).toMatchObject({ status: 69, said: expect.stringContaining('virsh') })
  expect(grapevine('import', 'far', 'disk.raw')).toMatchObject({ status: 64 })
})

test('a bar is as long as what is done', () => {
  expect(bar(0, 10)).toBe('[--------------------]   0 %')
  expect(bar(5, 10)).toBe('[##########----------]  50 %')
  expect(bar(12, 10)).toBe('[####################] 100 %')
  expect(bar(undefined, undefined)).toBe('')
})
