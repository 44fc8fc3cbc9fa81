// The smallest Grapevine, as a file for tests of the command: one project, one image, replies into a folder.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { openStore } from '../../src/adapters/sql/store.ts'
import type { Store } from '../../src/ports/store.ts'

/** `mail`: more keys of `mail`, as they stand in yaml. */
export const smallYaml = (mail = ''): string => `administrator: { address: ada@example.org }
bot: { address: grapevine@example.org }
mail: { maildir: ./outbox${mail === '' ? '' : `, ${mail}`} }
farm: { images: { busybox: { kind: busybox } } }
projects:
  tally:
    list: { address: tally-devel@example.org }
    repository: ./tally.git
    build: { image: busybox }
    test: { images: [busybox], steps: [{ name: all, run: ./all }] }
`

/** A folder with it for all tests of a file, and a database that is new for each test: `given` hears of it. */
export const smallHome = (name: string, given: (store: Store) => void): { folder(): string } => {
  let folder = ''
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), `grapevine-${name}-`))
    mkdirSync(join(folder, 'tally.git'))
    writeFileSync(join(folder, 'grapevine.yaml'), smallYaml())
  })
  beforeEach(async () => {
    rmSync(join(folder, 'data'), { recursive: true, force: true })
    const store = await openStore({ folder: join(folder, 'data') })
    given(store)
    return () => store.close()
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return { folder: () => folder }
}
