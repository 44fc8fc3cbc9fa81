// A demo that was cut off goes on, unless its mails were those of another version.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { note, openDemo } from '../../src/cli/demo/acts.ts'
import type { Config } from '../../src/config/config.ts'

const configIn = (): Config => {
  const root = mkdtempSync(join(tmpdir(), 'gv-acts-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  const repository = join(root, 'input', 'tally.git')
  return { data: join(root, 'data'), projects: [{ recipe: { repository } }] } as unknown as Config
}

test('goes on where it was cut off, and begins anew after its end', async () => {
  const config = configIn()
  const open = () => openDemo(config, { again: false })
  expect(await open()).toEqual({ act: 'first', last: 'over' })
  await note(config, 'second')
  expect(await open()).toEqual({ act: 'second', last: 'goes on' })
  await note(config, 'over')
  expect(await open()).toEqual({ act: 'first', last: 'over' })
})

test('begins anew where the mails were others', async () => {
  const config = configIn()
  await openDemo(config, { again: false })
  // As it was noted before mails were told apart.
  writeFileSync(join(config.data, 'demo.json'), JSON.stringify({ act: 'second' }))
  expect(await openDemo(config, { again: false })).toEqual({ act: 'first', last: 'was another' })
})
