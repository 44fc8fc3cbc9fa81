// A template that another process put aside and froze anew under the same id: nothing of the old one passes for the new one, and the new one is not blamed.
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { publish } from '../../src/farm/templates.ts'
import { command, newFolder, openFarm, plain, qemusOf, requireImage, say, silent } from './world.ts'

requireImage('busybox')

const token = 'test-refrozen'

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise(resolve => setTimeout(resolve, 20))
}

test('a clone that was kept ready of the old one is not given out; a run on it ends, and the new one stays', async () => {
  const { folder, remove } = newFolder()
  const said: string[] = []
  const farm = await openFarm({ token, folder, slots: 2, pool: 1, log: line => said.push(line) })
  try {
    const template = await farm.template(plain('busybox'), silent)
    const first = await farm.lease({ run: 'first', template })
    const mine = qemusOf(token)
    await until(() => readdirSync(join(folder, 'clones')).length === 2)
    const ahead = qemusOf(token).filter(pid => !mine.includes(pid))

    const at = join(folder, 'templates', template)
    const manifest = JSON.parse(readFileSync(join(at, 'manifest.json'), 'utf8'))
    manifest.createdAt = new Date(Date.now() + 1).toISOString()
    writeFileSync(join(at, 'manifest.json'), JSON.stringify(manifest))

    const second = await farm.lease({ run: 'second', template })
    expect(await say(second, 'echo alive')).toBe('alive')
    expect(qemusOf(token).filter(pid => ahead.includes(pid))).toEqual([])

    utimesSync(join(at, 'state'), 1, 1)
    expect(await first.exec(command('exit 1'))).toMatchObject({ kind: 'template-damaged' })
    expect(readdirSync(join(folder, 'templates'))).toEqual([template])
    // For a run on the new one that is damage.
    expect(await second.exec(command('exit 1'))).toMatchObject({ kind: 'template-damaged' })
    expect(readdirSync(join(folder, 'templates'))).toEqual([expect.stringMatching(/^damaged-/)])
    await first.release()
    await second.release()
  } finally {
    await farm.close()
    remove()
  }
  expect(qemusOf(token)).toEqual([])
})

test('what is left of a template that was being removed does not stand in the way of the next', async () => {
  const { folder, remove } = newFolder()
  try {
    const templates = join(folder, 'templates')
    for (const name of ['id', '.making-id']) mkdirSync(join(templates, name), { recursive: true })
    writeFileSync(join(templates, 'id', 'memory'), 'half of the old one')
    writeFileSync(join(templates, '.making-id', 'memory'), 'new')
    await publish(folder, join(templates, '.making-id'), 'id')
    expect(readFileSync(join(templates, 'id', 'memory'), 'utf8')).toBe('new')
    expect(readdirSync(templates)).toEqual(['id'])
  } finally {
    remove()
  }
})
