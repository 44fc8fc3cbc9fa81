// setup.mjs on machines that it finds incomplete: fake commands stand in for npm, sudo and apt-get, nothing is installed.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { hostPackages } from '../src/farm/image/host-packages.ts'

const root = new URL('..', import.meta.url).pathname

/** It is plain JavaScript, for the Node.js that a machine has: it has no types of its own. */
type SetUp = {
  installScript(packages: string[], options?: { root?: string }): string
  missingPackages(options?: { test?: boolean; root?: boolean; path?: string | undefined }): string[]
  modulesAreThere(folder: string): boolean
}
const { installScript, missingPackages, modulesAreThere }: SetUp = await import(join(root, 'setup.mjs'))

let folder: string
let bin: string

/** A program in the fake PATH that writes its arguments into FOLDER/calls, and then does `more`. */
const fake = (name: string, more = '') => {
  writeFileSync(join(bin, name), `#!/bin/sh\necho "${name} $*" >> "${folder}/calls"\n${more}\n`)
  chmodSync(join(bin, name), 0o755)
}

const calls = (): string[] =>
  existsSync(join(folder, 'calls')) ? readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n') : []

const others = [
  'git',
  'qemu-img',
  'mmdebstrap',
  'redis-server',
  'mke2fs',
  'depmod',
  'cpio',
  'xz',
  'cc',
  'newuidmap',
]
const module = { version: '1.0.0', integrity: 'sha512-x' }
const lockFile = (packages: object) => JSON.stringify({ packages })
const makeInstalled = () =>
  writeFileSync(join(folder, 'node_modules/.package-lock.json'), lockFile({ 'node_modules/a': module }))

/** A clone with its modules in place, and a PATH where only qemu-system-x86_64 is missing. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'grapevine-setup-'))
  bin = join(folder, 'path')
  for (const inner of ['path', 'bin', 'node_modules/.bin'])
    mkdirSync(join(folder, inner), { recursive: true })
  cpSync(join(root, 'setup.mjs'), join(folder, 'setup.mjs'))
  writeFileSync(join(folder, 'package-lock.json'), lockFile({ '': {}, 'node_modules/a': module }))
  makeInstalled()
  symlinkSync(process.execPath, join(folder, 'node_modules/.bin/node'))
  for (const tool of ['sh', 'env', 'cp', 'chmod', 'rm']) symlinkSync(join('/bin', tool), join(bin, tool))
  for (const name of others) fake(name)
  bin = join(folder, 'bin')
  fake('grapevine')
  bin = join(folder, 'path')
  // Set-up runs as an ordinary user, who must be able to write here as the fakes do.
  spawnSync('chmod', ['-R', 'a+rwX', folder])
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

/** Never as root: what only root may do goes through the fake sudo or not at all. */
const setUp = (...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(folder, 'setup.mjs'), ...args], {
    env: { PATH: bin, HOME: folder },
    encoding: 'utf8',
    ...(process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}),
  })
  return { status, stdout, stderr }
}

const buildsImages = 'grapevine image build --config examples/demo/grapevine.yaml'

test('with everything in place it only looks after the images', () => {
  fake('qemu-system-x86_64')
  expect(setUp()).toMatchObject({ status: 0, stderr: '' })
  expect(calls()).toEqual([buildsImages])
})

test('without root and sudo it names what is missing, with the command line, and stops', () => {
  fake('apt-get')
  const { status, stderr } = setUp()
  expect(status).toBe(69)
  expect(stderr).toBe(
    [
      'grapevine: set-up: these packages are missing, and only root can install them: qemu-system-x86',
      'Install them, then start again:',
      '  sudo apt-get install --no-install-recommends qemu-system-x86',
      '',
    ].join('\n'),
  )
  expect(calls()).toEqual([])
})

test('a sudo that wants a password is no sudo', () => {
  fake('apt-get')
  fake('sudo', 'exit 1')
  expect(setUp().status).toBe(69)
  expect(calls()).toEqual(['sudo -n true'])
})

test('without apt-get it names what is missing and stops', () => {
  const { status, stderr } = setUp()
  expect(status).toBe(69)
  expect(stderr).toContain(
    'these are missing, and there is no apt-get here to install them: qemu-system-x86\n',
  )
})

test('installs what is missing through sudo, once', () => {
  fake('apt-get')
  const appears = `[ "$2" = true ] || { cp ${bin}/git ${bin}/qemu-system-x86_64; }`
  fake('sudo', appears)
  expect(setUp()).toMatchObject({ status: 0, stderr: '' })
  const first = calls()
  expect(first[0]).toBe('sudo -n true')
  expect(first[1]).toBe('sudo -n sh -c set -eu')
  expect(first).toContain(
    'apt-get -q -o DPkg::Lock::Timeout=120 install -y --no-install-recommends qemu-system-x86',
  )
  expect(first.at(-1)).toBe(buildsImages)
  rmSync(join(folder, 'calls'))
  expect(setUp().status).toBe(0)
  expect(calls()).toEqual([buildsImages])
})

test('an installation that fails is shown with its last lines', () => {
  fake('apt-get')
  fake('sudo', '[ "$2" = true ] || { echo "E: Unable to locate package"; exit 100; }')
  const { status, stderr } = setUp()
  expect(status).toBe(69)
  expect(stderr).toContain('  | E: Unable to locate package\n')
  expect(stderr).toContain('grapevine: set-up: installing packages: qemu-system-x86: exit code 100\n')
  expect(stderr).toContain('sudo apt-get update && sudo apt-get install')
})

test('an installation that brings nothing is not believed', () => {
  fake('apt-get')
  fake('sudo')
  expect(setUp()).toMatchObject({ status: 69 })
  expect(calls()).not.toContain(buildsImages)
})

test('node modules are installed when they are not what package-lock.json asks for', () => {
  fake('qemu-system-x86_64')
  writeFileSync(join(folder, 'node_modules/.package-lock.json'), lockFile({}))
  fake('npm', `printf '%s' '${lockFile({ 'node_modules/a': module })}' > node_modules/.package-lock.json`)
  expect(setUp().status).toBe(0)
  expect(calls()).toEqual(['npm ci --loglevel=error --no-audit --no-fund', buildsImages])
  expect(setUp().status).toBe(0)
  expect(calls()).toHaveLength(3)
})

test('images that cannot be built end it, with what was said last', () => {
  fake('qemu-system-x86_64')
  writeFileSync(join(folder, 'bin/grapevine'), '#!/bin/sh\necho grapevine: no space left >&2\nexit 69\n')
  const { status, stderr } = setUp()
  expect(status).toBe(69)
  expect(stderr).toMatch(
    /^ {2}\| grapevine: no space left\ngrapevine: set-up: looking after guest images: exit code 69\n/,
  )
})

test('an unknown argument is refused', () => {
  expect(setUp('--tset')).toMatchObject({ status: 64, stdout: '' })
})

test('every program that the farm needs is among the packages', () => {
  const all = missingPackages({ root: false, path: '/nowhere' }).concat(
    missingPackages({ root: false, path: process.env.PATH }),
  )
  const findable = hostPackages.filter(one => !['mke2fs', 'depmod'].includes(one.command))
  for (const { package: name } of findable) expect(all).toContain(name)
})

test('optional packages of other platforms need not be there', () => {
  const lock = { '': {}, 'node_modules/a': module, 'node_modules/b': { ...module, optional: true } }
  writeFileSync(join(folder, 'package-lock.json'), lockFile(lock))
  expect(modulesAreThere(folder)).toBe(true)
  writeFileSync(join(folder, 'package-lock.json'), lockFile({ ...lock, 'node_modules/c': module }))
  expect(modulesAreThere(folder)).toBe(false)
  writeFileSync(
    join(folder, 'package-lock.json'),
    lockFile({ 'node_modules/a': { ...module, version: '1.0.1' } }),
  )
  expect(modulesAreThere(folder)).toBe(false)
})

const policy = () => join(folder, 'usr/sbin/policy-rc.d')
const cluster = () => join(folder, 'etc/postgresql-common/createcluster.d/grapevine.conf')

/** Runs the script that root would run, with its files below the test's folder. */
const install = () => {
  mkdirSync(join(folder, 'usr/sbin'), { recursive: true })
  return spawnSync('sh', ['-c', installScript(['redis-server', 'postgresql'], { root: folder })], {
    env: { PATH: `${bin}` },
  }).status
}

const looksAround = `
[ "$4" = install ] || exit 0
[ -x "${'$F'}/usr/sbin/policy-rc.d" ] && { "${'$F'}/usr/sbin/policy-rc.d"; echo "policy $?" >> ${'$F'}/calls; }
cat ${'$F'}/etc/postgresql-common/createcluster.d/grapevine.conf >> ${'$F'}/calls`

test.each([0, 100])(
  'no service starts and no cluster is made; both marks are gone afterwards (apt-get: %i)',
  code => {
    for (const tool of ['mkdir', 'rmdir', 'cat']) symlinkSync(join('/bin', tool), join(bin, tool))
    fake('systemctl')
    fake('apt-get', `F=${folder}${looksAround}; exit ${code}`)
    expect(install()).toBe(code)
    expect(calls()).toContain('policy 101')
    expect(calls()).toContain('create_main_cluster = false')
    expect(calls().includes('systemctl disable --quiet redis-server')).toBe(code === 0)
    expect([existsSync(policy()), existsSync(cluster())]).toEqual([false, false])
  },
)

test("an administrator's own policy stays", () => {
  for (const tool of ['mkdir', 'rmdir', 'cat']) symlinkSync(join('/bin', tool), join(bin, tool))
  fake('apt-get')
  mkdirSync(join(folder, 'usr/sbin'), { recursive: true })
  writeFileSync(policy(), 'own')
  expect(install()).toBe(0)
  expect(readFileSync(policy(), 'utf8')).toBe('own')
})
