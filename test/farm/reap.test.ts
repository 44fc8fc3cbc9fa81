// What a killed worker leaves behind, and that nobody else's is touched.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { tryLock, unlock } from '../../src/farm/lock.ts'
import { isAlive, thisOwner } from '../../src/farm/owner.ts'
import { newFolder, openFarm, plain, qemusOf, requireImage, say, silent } from './world.ts'

const token = `test-reap-${process.pid}`
const { folder, remove } = newFolder('lent')
const children: ChildProcess[] = []

afterAll(() => {
  for (const child of children) child.kill('SIGKILL')
  remove()
})

const clones = () => readdirSync(join(folder, 'clones'))
const ended = (child: ChildProcess) =>
  (child.exitCode ?? child.signalCode) ? undefined : once(child, 'exit')
const deadOwner = (of: string) => ({ ...thisOwner(of), start: '1' })

/** A QEMU as a worker that is gone would have left it. */
const orphan = async (of: string): Promise<ChildProcess> => {
  const name = `grapevine:${of}:${process.pid}.1:run`
  const args = ['-name', name, '-machine', 'none', '-nodefaults', '-display', 'none', '-qmp', 'stdio']
  const child = spawn('qemu-system-x86_64', args, { stdio: ['pipe', 'pipe', 'ignore'] })
  children.push(child)
  await once(child.stdout, 'data')
  return child
}

test('a killed worker: its QEMUs end, and the next start removes its clones', async () => {
  requireImage('busybox')
  const holder = spawn(
    process.execPath,
    [fileURLToPath(new URL('holder.ts', import.meta.url)), token, folder],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  children.push(holder)
  await once(holder.stdout, 'data')
  expect(qemusOf(token).length).toBe(2)
  expect(clones().length).toBe(2)

  const farm = await openFarm({ token, folder, accelerator: 'tcg' })
  expect(await farm.reap()).toBe(0)
  expect(clones().length).toBe(2)

  holder.kill('SIGKILL')
  await once(holder, 'exit')
  expect(await farm.reap()).toBe(2)
  expect(clones()).toEqual([])
  await expect.poll(() => qemusOf(token)).toEqual([])
  expect(await farm.reap()).toBe(0)

  const clone = await farm.lease({ run: 'next', template: await farm.template(plain('busybox'), silent) })
  expect(await say(clone, 'echo well')).toBe('well')
  await clone.release()
  expect(clones()).toEqual([])
})

test('only QEMUs of this farm whose owner is dead are killed, and only such folders removed', async () => {
  const [mine, others] = [await orphan(token), await orphan('another-farm')]
  const claims = { mine: deadOwner(token), others: deadOwner('another-farm'), alive: thisOwner(token) }
  for (const [name, owner] of Object.entries(claims)) {
    mkdirSync(join(folder, 'clones', name))
    writeFileSync(join(folder, 'clones', name, 'owner.json'), JSON.stringify(owner))
  }
  mkdirSync(join(folder, 'clones', 'unclaimed'))
  const farm = await openFarm({ token, folder, accelerator: 'tcg' })
  expect(await farm.reap()).toBe(1)
  await ended(mine)
  expect(mine.signalCode).toBe('SIGKILL')
  expect(others.exitCode ?? others.signalCode).toBe(null)
  expect(clones().sort()).toEqual(['alive', 'others', 'unclaimed'])
})

test('locks of dead processes are removed, also of templates that nobody asks for again', async () => {
  const own = newFolder()
  try {
    const farm = await openFarm({ token, folder: own.folder, accelerator: 'tcg' })
    const at = join(own.folder, 'templates')
    expect(await tryLock(join(at, '.lock-left'), deadOwner(token))).toBe(true)
    expect(await tryLock(join(at, '.lock-held'), thisOwner(token))).toBe(true)
    expect(await tryLock(join(at, '.lock-others'), deadOwner('another-farm'))).toBe(true)
    writeFileSync(join(at, '.lock-new.1'), '')
    await farm.reap()
    expect(readdirSync(at).sort()).toEqual(['.lock-held', '.lock-new.1', '.lock-others'])
  } finally {
    own.remove()
  }
})

test("a live owner's lock is respected, a dead one's is taken over", async () => {
  const lock = join(folder, 'lock')
  const self = thisOwner(token)
  expect(isAlive(self)).toBe(true)
  expect(await tryLock(lock, self)).toBe(true)
  expect(await tryLock(lock, self)).toBe(false)
  expect(await tryLock(lock, self)).toBe(false)
  await unlock(lock)
  expect(await tryLock(lock, deadOwner(token))).toBe(true)
  expect(await tryLock(lock, self)).toBe(false)
  expect(await tryLock(lock, self)).toBe(true)
  expect(readdirSync(folder).filter(name => name.startsWith('lock'))).toEqual(['lock'])
})
